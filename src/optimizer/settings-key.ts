// The text of everything about parameters' settings that decides the code of an update; numbers that may change are not in it.

import { Decay } from "../param/regularizer.js";
import type { Parameter } from "../param/parameter.js";
import { type OwnerSettings, resolveRate, resolveRegularizer } from "../param/resolve.js";
import type { ParameterSet } from "./groups.js";

/** Frozen or held, the kind of regularizer, whether clipping counts it: of each parameter of a set. */
export function settingsKeyOf({ group, parameters }: ParameterSet, owner: OwnerSettings): string {
  const one = (p: Parameter): string => {
    const rate = resolveRate(p, group).value === 0 ? "held" : "";
    const decay = resolveRegularizer(p, group, owner).value;
    const kind = decay instanceof Decay ? decay.kind : decay === null ? "" : identityOf(decay);
    return p.stopGradient ? "-" : `${rate},${kind},${p.needClip ? "" : "unclipped"}`;
  };
  return parameters.map(one).join("|");
}

const identities = new WeakMap<object, string>();
let identitiesGiven = 0;

/** A text that is this object's alone. */
function identityOf(x: object): string {
  let id = identities.get(x);
  if (id === undefined) {
    id = `#${identitiesGiven++}`;
    identities.set(x, id);
  }
  return id;
}
