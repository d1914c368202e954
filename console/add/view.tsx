// What one has to do to add a machine, with names and addresses filled in.
import { useState } from "preact/hooks";
import { parameter, setParameters } from "../address/address.ts";
import { session } from "../contract/session.ts";
import { addWords as words } from "../english/add.ts";
import { CodeBlock } from "../parts/code-block.tsx";
import {
  curlCommand,
  keyCommand,
  producerCommand,
  pythonProgram,
  typescriptProgram,
} from "./commands.ts";
import { FileTab } from "./file-tab.tsx";
import { FirstRecord } from "./first-record.tsx";
import "./add.css";

const tabs = ["curl", "file", "typescript", "python", "producer"] as const;
type Tab = (typeof tabs)[number];

export default function AddView() {
  const asked = parameter("tab");
  const tab = tabs.find((one) => one === asked) ?? "curl";
  const machine = parameter("machine") ?? "press-8";
  const signal = parameter("signal") ?? "temperature";
  const unit = parameter("unit") ?? "°C";
  // A file may name other machines than the field above.
  const [named, setNamed] = useState<readonly string[]>([]);
  const awaited = tab === "file" && named.length > 0 ? named : [machine];
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    const next = tabs[(tabs.indexOf(tab) + by + tabs.length) % tabs.length]!;
    setParameters({ tab: next });
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <>
      <h1>{words.title}</h1>
      <p class="soft">{words.why}</p>
      <div class="toolbar">
        <Field name="machine" label={words.machine} value={machine} />
        <Field name="signal" label={words.signal} value={signal} />
        <Field name="unit" label={words.unit} value={unit} />
      </div>
      <section class="card">
        <div class="tabs" role="tablist" aria-label={words.title} onKeyDown={onKeyDown}>
          {tabs.map((one) => (
            <button
              type="button"
              key={one}
              id={`tab-${one}`}
              role="tab"
              class="button quiet"
              aria-selected={one === tab}
              aria-controls="add-panel"
              tabIndex={one === tab ? 0 : -1}
              onClick={() => setParameters({ tab: one })}
            >
              {words.tabs[one]}
            </button>
          ))}
        </div>
        <div id="add-panel" role="tabpanel" aria-labelledby={`tab-${tab}`}>
          <Panel tab={tab} machine={machine} signal={signal} unit={unit} onMachines={setNamed} />
        </div>
      </section>
      <FirstRecord machines={awaited} />
    </>
  );
}

function Field({ name, label, value }: { name: string; label: string; value: string }) {
  return (
    <label class="add-field">
      <span class="soft">{label}</span>
      <input
        class="field"
        value={value}
        onInput={({ currentTarget: { value: text } }) => setParameters({ [name]: text })}
      />
    </label>
  );
}

type PanelProps = {
  tab: Tab;
  machine: string;
  signal: string;
  unit: string;
  onMachines: (names: readonly string[]) => void;
};

function Panel({ tab, machine, signal, unit, onMachines }: PanelProps) {
  if (tab === "file") return <FileTab machine={machine} signal={signal} onMachines={onMachines} />;
  const needsKey = session.value.kind === "known";
  const options = { origin: location.origin, machine, signal, unit, needsKey };
  const text = {
    curl: curlCommand,
    typescript: typescriptProgram,
    python: pythonProgram,
    producer: producerCommand,
  }[tab](options);
  return (
    <>
      <p class="add-how">{words[tab]}</p>
      {needsKey && (
        <>
          <p class="add-how">{words.needsKey}</p>
          <CodeBlock text={keyCommand(machine)} label={words.needsKey} />
        </>
      )}
      <CodeBlock text={text} label={words.tabs[tab]} />
    </>
  );
}
