// Puts the .proto files that ours import where buf finds them, offline: copied from npm packages,
// or printed from a descriptor.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import {
  type DescEnum,
  type DescExtension,
  type DescField,
  type DescFile,
  type DescMessage,
  ScalarType,
} from "@bufbuild/protobuf";
import { FieldDescriptorProto_Label as Label } from "@bufbuild/protobuf/wkt";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

const outDir = process.argv[2] ?? ".proto-deps";
const packageDir = (name: string) =>
  dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));

const copies: [packageName: string, from: string, to: string][] = [
  ["grpc-health-check", "proto/health/v1/health.proto", "grpc/health/v1/health.proto"],
  [
    "@grpc/reflection",
    "build/proto/grpc/reflection/v1/reflection.proto",
    "grpc/reflection/v1/reflection.proto",
  ],
  [
    "@grpc/reflection",
    "build/proto/grpc/reflection/v1alpha/reflection.proto",
    "grpc/reflection/v1alpha/reflection.proto",
  ],
];

const path = (relative: string) => {
  const full = join(outDir, relative);
  mkdirSync(dirname(full), { recursive: true });
  return full;
};
for (const [packageName, from, to] of copies)
  copyFileSync(join(packageDir(packageName), from), path(to));
// protovalidate ships its rules as a descriptor only.
writeFileSync(path(file_buf_validate_validate.proto.name), printFile(file_buf_validate_validate));

function printFile(file: DescFile): string {
  const lines = [
    "// Printed from an embedded descriptor.",
    'syntax = "proto2";',
    `package ${file.proto.package};`,
  ];
  for (const name of file.proto.dependency) lines.push(`import ${JSON.stringify(name)};`);
  for (const item of file.enums) for (const line of printEnum(item, "")) lines.push(line);
  for (const item of file.messages) for (const line of printMessage(item, "")) lines.push(line);
  for (const item of file.extensions)
    lines.push(`extend .${item.extendee.typeName} {`, printField(item, "  "), "}");
  return `${lines.join("\n")}\n`;
}

function printMessage(message: DescMessage, indent: string): string[] {
  const inner = `${indent}  `;
  const lines = [`${indent}message ${message.name} {`];
  for (const item of message.nestedEnums)
    for (const line of printEnum(item, inner)) lines.push(line);
  for (const item of message.nestedMessages)
    for (const line of printMessage(item, inner)) lines.push(line);
  for (const member of message.members) {
    if (member.kind !== "oneof") lines.push(printField(member, inner));
    else {
      const fields = member.fields.map((field) => printField(field, `${inner}  `, true));
      lines.push([`${inner}oneof ${member.name} {`, ...fields, `${inner}}`].join("\n"));
    }
  }
  const maxNumber = 0x20000000;
  for (const { start, end } of message.proto.extensionRange) {
    lines.push(`${inner}extensions ${start} to ${end === maxNumber ? "max" : (end ?? 0) - 1};`);
  }
  for (const { start, end } of message.proto.reservedRange)
    lines.push(`${inner}reserved ${start} to ${(end ?? 0) - 1};`);
  for (const name of message.proto.reservedName)
    lines.push(`${inner}reserved ${JSON.stringify(name)};`);
  for (const item of message.nestedExtensions) {
    lines.push(
      `${inner}extend .${item.extendee.typeName} {`,
      printField(item, `${inner}  `),
      `${inner}}`,
    );
  }
  return [...lines, `${indent}}`];
}

function printEnum(item: DescEnum, indent: string): string[] {
  const alias = item.proto.options?.allowAlias ? [`${indent}  option allow_alias = true;`] : [];
  const values = item.proto.value.map((value) => `${indent}  ${value.name} = ${value.number};`);
  return [`${indent}enum ${item.name} {`, ...alias, ...values, `${indent}}`];
}

function printField(field: DescField | DescExtension, indent: string, inOneof = false): string {
  if (field.kind === "field" && field.fieldKind === "map") {
    return `${indent}map<${scalarName(field.mapKey)}, ${typeName(field)}> ${field.name} = ${field.number};`;
  }
  const labels: Partial<Record<Label, string>> = {
    [Label.REPEATED]: "repeated ",
    [Label.REQUIRED]: "required ",
  };
  const label = inOneof ? "" : (labels[field.proto.label] ?? "optional ");
  return `${indent}${label}${typeName(field)} ${field.name} = ${field.number};`;
}

function typeName(field: DescField | DescExtension): string {
  if (field.message) return `.${field.message.typeName}`;
  if (field.enum) return `.${field.enum.typeName}`;
  return scalarName(field.scalar as ScalarType);
}

function scalarName(scalar: ScalarType): string {
  return (ScalarType[scalar] ?? "").toLowerCase();
}
