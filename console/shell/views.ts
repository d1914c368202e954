// Which view an address shows. Each view is a chunk of its own, loaded when it is first shown.
import type { ComponentType } from "preact";
import type { viewNames } from "../english/frame.ts";

export type ViewName = keyof typeof viewNames | "machine";

type Module = { default: ComponentType };

const loaders: Readonly<Record<ViewName, () => Promise<Module>>> = {
  fleet: () => import("../fleet/view.tsx"),
  machine: () => import("../machine/view.tsx"),
  errors: () => import("../errors/view.tsx"),
  energy: () => import("../energy/view.tsx"),
  compare: () => import("../compare/view.tsx"),
  add: () => import("../add/view.tsx"),
  system: () => import("../system/view.tsx"),
};

const loaded = new Map<ViewName, Promise<Module>>();

export function loadView(name: ViewName): Promise<Module> {
  let module = loaded.get(name);
  if (module === undefined) {
    module = loaders[name]();
    loaded.set(name, module);
    // A failed load is tried again the next time.
    module.catch(() => loaded.delete(name));
  }
  return module;
}

const machinePath = /^\/machines\/[^/]+\/?$/;

/** Undefined: no view has this path. */
export function viewOf(path: string): ViewName | undefined {
  if (path === "/") return "fleet";
  if (machinePath.test(path)) return "machine";
  const name = path.replace(/^\/|\/$/g, "");
  const isListed = Object.hasOwn(loaders, name) && name !== "fleet" && name !== "machine";
  return isListed ? (name as ViewName) : undefined;
}

export const pathOf = (name: keyof typeof viewNames): string =>
  name === "fleet" ? "/" : `/${name}`;
