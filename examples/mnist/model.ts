// The network: LeNet-5 with ReLU, as it is written today.

import { nn, type Tensor } from "oarjs";

const { relu } = nn.functional;

/** Two convolutions, each followed by pooling, then three fully connected layers. */
export class LeNet5 extends nn.Layer {
  conv1 = new nn.Conv2D(1, 6, 5, { padding: 2 });
  conv2 = new nn.Conv2D(6, 16, 5);
  pool = new nn.MaxPool2D(2, 2);
  fc1 = new nn.Linear(400, 120);
  fc2 = new nn.Linear(120, 84);
  fc3 = new nn.Linear(84, 10);

  constructor() {
    super("lenet5");
  }

  /** Scores of the ten digits, `[n, 10]`, from bytes `[n, 28, 28]`. */
  override forward(images: Tensor): Tensor {
    // From 0 … 255 to -1 … 1, with an axis for the one channel.
    const x = images.unsqueeze(1).astype("float32").divide(127.5).subtract(1);
    const features = this.pool(relu(this.conv2(this.pool(relu(this.conv1(x))))));
    return this.fc3(relu(this.fc2(relu(this.fc1(features.flatten(1))))));
  }
}
