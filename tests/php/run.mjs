// Runs a PHP file, as `php FILE` would: node run.mjs FILE
import { readFileSync } from "node:fs";

import { loadNodeRuntime } from "@php-wasm/node";
import { PHP } from "@php-wasm/universal";

const runtime = await loadNodeRuntime("8.3", { emscriptenOptions: { processId: 1 }, withNetworking: true });
const php = new PHP(runtime);
try {
  const response = await php.run({ code: readFileSync(process.argv[2], "utf8") });
  process.stdout.write(response.text);
  process.stderr.write(response.errors);
  process.exitCode = response.exitCode;
} catch (failure) {
  process.stderr.write(`${failure.message}\n`);
  process.exitCode = 1;
} finally {
  // The network proxy of the runtime would keep the process alive.
  process.exit();
}
