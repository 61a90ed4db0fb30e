// The facade of Paddle's `utils`.

export { uniqueName, UniqueNameGenerator } from "../param/unique-name.js";
