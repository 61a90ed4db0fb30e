// vision.models: networks that are ready to be trained.

export { LeNet, type LeNetOptions } from "./lenet.js";
