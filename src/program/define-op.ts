// defineOp: checks a typed op definition once and gives the record the engine works with.

import { BugError } from "../core/errors.js";
import type { AttrSpecs, OpBody, OpDefinition, OpRecord } from "./op.js";

let nextId = 0;

/**
 * Makes an op record. Pure: nothing is registered; `ops/registry.ts` lists the records.
 * An op computes in exactly one of the forms `lower`, `element`, `reduce`, `compose`, `kernel`, `host`.
 */
export function defineOp<
  const I extends readonly string[],
  const O extends string,
  const S extends AttrSpecs,
  const V extends string = never,
>(definition: OpDefinition<I, O, S, V>): OpRecord & { readonly definition: OpDefinition<I, O, S, V> } {
  const scalarAttrs = new Set(Object.keys(definition.attrs).filter((n) => definition.attrs[n]!.kind === "scalar"));
  const erased = definition as unknown as Omit<OpRecord, "id" | "body" | "scalarAttrs"> & Forms;
  return {
    name: definition.name,
    id: nextId++,
    inputs: definition.inputs,
    outputs: definition.outputs,
    attrs: definition.attrs,
    infer: erased.infer,
    body: bodyOf(erased),
    saves: definition.saves ?? [],
    grad: erased.grad,
    ghosts: definition.ghosts ?? [],
    inplace: (definition.inplace ?? {}) as Readonly<Record<string, string | undefined>>,
    random: definition.random ?? false,
    check: definition.check,
    scalarAttrs,
    definition,
  };
}

interface Forms {
  readonly name: string;
  readonly lower?: Extract<OpBody, { form: "lower" }>["lower"];
  readonly complex?: Extract<OpBody, { form: "lower" }>["complex"];
  readonly element?: Extract<OpBody, { form: "element" }>["element"];
  readonly view?: boolean;
  readonly reduce?: Extract<OpBody, { form: "reduce" }>["reduce"];
  readonly compose?: Extract<OpBody, { form: "compose" }>["compose"];
  readonly kernel?: Extract<OpBody, { form: "kernel" }>["kernel"];
  readonly fuses?: { readonly loads?: boolean; readonly stores?: boolean | "rows" };
  readonly host?: Extract<OpBody, { form: "host" }>["host"];
}

function bodyOf(d: Forms): OpBody {
  const bodies: OpBody[] = [];
  if (d.lower) bodies.push({ form: "lower", lower: d.lower, complex: d.complex });
  if (d.element) bodies.push({ form: "element", element: d.element, view: d.view ?? false });
  if (d.reduce) bodies.push({ form: "reduce", reduce: d.reduce });
  if (d.compose) bodies.push({ form: "compose", compose: d.compose });
  if (d.kernel) {
    bodies.push({
      form: "kernel",
      kernel: d.kernel,
      fuseLoads: d.fuses?.loads ?? false,
      fuseStores: d.fuses?.stores ?? false,
    });
  }
  if (d.host) bodies.push({ form: "host", host: d.host });
  if (bodies.length !== 1) throw new BugError(`op ${d.name} must compute in exactly one form, it has ${bodies.length}`);
  return bodies[0]!;
}
