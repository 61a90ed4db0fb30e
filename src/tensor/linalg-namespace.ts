// Paddle's namespace `paddle.linalg`.

export { diagonal } from "./diagonals.js";
export {
  cholesky,
  choleskyInverse,
  choleskySolve,
  eig,
  eigh,
  eigvals,
  eigvalsh,
  householderProduct,
  lu,
  luSolve,
  luUnpack,
  ormqr,
  pcaLowrank,
  qr,
  svd,
  svdLowrank,
  svdvals,
} from "./factorization.js";
export {
  cond,
  det,
  inv,
  lstsq,
  matrixExp,
  matrixPower,
  matrixRank,
  pinv,
  slogdet,
  solve,
  triangularSolve,
} from "./linalg.js";
export { cross, matrixNorm, norm, vectorNorm } from "./norms.js";
export { matmul, matrixTranspose, multiDot, vecdot } from "./products.js";
export { corrcoef, cov } from "./stat.js";
