// The network: mean word vectors of subject and body, then two fully connected layers.

import { clip, concat, type NdArray, nn, ParamAttr, type Tensor } from "oarjs";
import { PADDING } from "./mails.js";

const { relu } = nn.functional;

/** Spam or not, from the words of a mail. */
export class SpamNet extends nn.Layer {
  subject: nn.Embedding;
  body: nn.Embedding;
  hidden = new nn.Linear(200, 64);
  dropout = new nn.Dropout(0.2);
  out = new nn.Linear(64, 2);

  /** @param vectors a vector for each word, `[words, 100]` */
  constructor(vectors: NdArray) {
    super("spam_net");
    const [words, width] = vectors.shape as [number, number];
    // Both embeddings name the same parameter, so they share one weight. It starts from the pretrained vectors and learns at half the rate.
    const weightAttr = new ParamAttr({
      name: "word_embedding",
      initializer: new nn.initializer.Assign(vectors),
      learningRate: 0.5,
    });
    this.subject = new nn.Embedding(words, width, { paddingIdx: PADDING, weightAttr });
    this.body = new nn.Embedding(words, width, { paddingIdx: PADDING, weightAttr });
  }

  /** Scores of ham and spam, `[batch, 2]`, from word numbers `[batch, 20]` and `[batch, 200]`. */
  override forward(subject: Tensor, body: Tensor): Tensor {
    const words = concat([meanVector(this.subject, subject), meanVector(this.body, body)], 1);
    return this.out(this.dropout(relu(this.hidden(words))));
  }
}

/** The mean over a row's words. Padding has the vector 0, and does not count. */
function meanVector(embedding: nn.Embedding, numbers: Tensor): Tensor {
  const words = numbers.notEqual(PADDING).astype("float32").sum(1, { keepdim: true });
  return embedding(numbers).sum(1).divide(clip(words, 1));
}
