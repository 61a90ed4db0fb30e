// Recorded cases that come out differently without `strictPaddle`, each with the reason (the FAQ's word over Python Paddle's habit).

const kept =
  "a parameter group keeps the ParamAttr's rate and regularizer where it does not set its own; Paddle drops both";
const released =
  "clearGrad() releases gradients, so a step without a backward in between updates nothing; Paddle fills them with zeros";
const unset = "a group's weightDecay null means not set for every optimizer; Paddle's Momentum takes it for none";
const held = "a rate of 0 in ParamAttr keeps the parameter; Paddle's Rprop ignores rates and moves it";

/** Optimizer cases by the part of their id after the slash. */
const byVariant: Readonly<Record<string, string>> = { groups_over_attrs: kept };

/** Optimizer cases by their whole id. */
const byId: Readonly<Record<string, string>> = {
  "Momentum/groups_none_decay": unset,
  "Momentum/skip_grad": released,
  "Adam/skip_grad": released,
  "AdamW/skip_grad": released,
  "Rprop/attr_lr": held,
};

/** Why a case differs without strictPaddle; undefined when it must not. */
export const differencesOf = (id: string): string | undefined => byId[id] ?? byVariant[id.split("/")[1]!];

interface ResolveRow {
  readonly optimizer: string;
  readonly weight_decay: unknown;
  readonly attr: Readonly<Record<string, unknown>>;
  readonly group: Readonly<Record<string, unknown>> | null;
}

/** Why a row of the resolver's table differs without strictPaddle. */
export function resolveDifference({ optimizer, weight_decay, attr, group }: ResolveRow): string | undefined {
  if (group === null) return undefined;
  const rateLost = attr["learning_rate"] !== undefined && group["learning_rate"] === undefined;
  const decaySet = group["weight_decay"] !== undefined && group["weight_decay"] !== null;
  const decayLost = attr["regularizer"] !== undefined && !decaySet && optimizer !== "AdamW";
  if (rateLost || decayLost) return kept;
  const none = group["weight_decay"] === null && optimizer === "Momentum" && weight_decay !== null;
  return none ? unset : undefined;
}

/** Why the optimizer's state of a case of the FAQ differs without strictPaddle; its weights never do. */
export const faqDifference = (id: string): string | undefined =>
  id === "q7/lr0" || id === "q5/bn_lr0"
    ? "a rate of 0 in ParamAttr keeps the moments at their first values; Paddle's go on"
    : undefined;
