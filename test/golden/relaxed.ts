// Recorded cases that come out differently without `strictPaddle`, each with the reason (design: the FAQ's word over Paddle's habit).

const kept = "a parameter group keeps the ParamAttr's rate and regularizer unless it sets its own";
const released = "clearGrad releases gradients, so a step without a backward updates nothing";
const nullIsUnset = "a group's weightDecay null means not set for every optimizer, Momentum included";
const held = "a learning rate of 0 in ParamAttr keeps the parameter and its moments";

/** By case. */
const differences: Readonly<Record<string, string>> = {
  x: kept + released + nullIsUnset + held,
};

/** Why a case differs without strictPaddle; undefined when it must not. */
export const differencesOf = (id: string): string | undefined => differences[id];
