#!/usr/bin/env node
// The program that `npx oarjs` runs.

import { main } from "./main-node.js";

main();
