// vision.datasets: images that are already labelled.

export { FashionMNIST, type IdxSource, MNIST, type MnistOptions } from "./mnist.js";
