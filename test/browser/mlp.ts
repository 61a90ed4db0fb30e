// A small network on fixed data: run by Node and by the page alike, and the losses compared.

import { io, type NdArray, nn, optimizer, seed } from "oarjs";

const { crossEntropy } = nn.functional;

/** Trains a 64-256-3 network for `epochs` epochs of four batches, large enough for several threads; the loss before each step. */
export async function trainMlp(epochs: number): Promise<number[]> {
  seed(1);
  const net = new nn.Sequential(new nn.Linear(64, 256), new nn.ReLU(), new nn.Linear(256, 3));
  const adam = new optimizer.Adam({ learningRate: 3e-3, parameters: net.parameters() });
  const loader = new io.DataLoader(new io.TensorDataset(rows(2048)), { batchSize: 512 });
  const losses: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    for await (const [x, y] of loader) {
      const loss = crossEntropy(net(x), y);
      losses.push(Number(await loss.item()));
      loss.backward();
      adam.step();
      adam.clearGrad();
    }
  }
  return losses;
}

/** Rows of a wave, each labelled by where its first entries point. */
function rows(count: number): [x: NdArray, y: NdArray] {
  const data = Float32Array.from({ length: count * 64 }, (_, i) => Math.sin((i % 9973) * (i % 31) * 0.013));
  const labels = BigInt64Array.from({ length: count }, (_, i) => {
    const [a, b] = [data[i * 64]!, data[i * 64 + 1]!];
    return BigInt(a > b ? 0 : a + b > 0 ? 1 : 2);
  });
  return [
    { dtype: "float32", shape: [count, 64], data },
    { dtype: "int64", shape: [count], data: labels },
  ];
}
