// W5: a Transformer encoder that predicts words, its output weights tied to the embedding; trained with AdamW, or forward alone.
import { nn, optimizer } from "oarjs";
import { batches, benchClassifier, load, loadWeights } from "./common.mjs";

/** @typedef {import("oarjs").Parameter} Parameter */
/** @typedef {import("oarjs").Tensor} Tensor */

const [words, width, positions] = [8000, 256, 64];

class Encoder extends nn.Layer {
  constructor() {
    super("encoder");
    this.emb = new nn.Embedding(words, width);
    this.pos = /** @type {Parameter} */ (this.createParameter([positions, width]));
    const layer = new nn.TransformerEncoderLayer(width, 4, 1024, {
      dropout: 0,
      activation: "gelu",
      normalizeBefore: true,
    });
    this.layers = new nn.TransformerEncoder(layer, 4, new nn.LayerNorm(width));
  }

  /**
   * @override
   * @param {Tensor} x
   */
  forward(x) {
    const hidden = this.layers(this.emb(x).add(this.pos));
    return hidden.matmul(this.emb.weight, { transposeY: true }).reshape([-1, words]);
  }
}

const net = new Encoder();
const parts = {
  q: "self_attn.q_proj",
  k: "self_attn.k_proj",
  v: "self_attn.v_proj",
  o: "self_attn.out_proj",
  f1: "linear1",
  f2: "linear2",
};
/** @type {Record<string, string>} */
const files = { "emb.weight": "W5_emb", pos: "W5_pos" };
for (let l = 0; l < 4; l++) {
  for (const [file, part] of Object.entries(parts)) {
    files[`layers.layers.${l}.${part}.weight`] = `W5_l${l}_${file}w`;
    files[`layers.layers.${l}.${part}.bias`] = `W5_l${l}_${file}b`;
  }
}
await loadWeights(net, files);

await benchClassifier(net, {
  xs: batches(await load("W5_x")),
  ys: batches(await load("W5_y")).map((y) => y.reshape([-1])),
  makeOptimizer: () => new optimizer.AdamW({ learningRate: 3e-4, weightDecay: 0.01, parameters: net.parameters() }),
});
