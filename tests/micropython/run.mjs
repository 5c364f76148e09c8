// Runs the dead-man controller's firmware under MicroPython.
// node run.mjs MICROPYTHON.mjs DEADMAN.py MAIN.py < steps.json > results.json
//
// A step is [now_ms, received as hex, contact closed, random32]; a result is [sent as hex, coil, latch, cause].
// Then main.py runs on fake pins against a fake box that closes the contact and falls silent.
import { readFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

const [, , micropython, firmware, program] = process.argv;
const { loadMicroPython } = await import(pathToFileURL(micropython).href);
const lines = [];
const mp = await loadMicroPython({ heapsize: 8 * 1024 * 1024, stdout: (line) => lines.push(line), linebuffer: true });
mp.FS.mkdir("/fw");
mp.FS.writeFile("/fw/deadman.py", readFileSync(firmware));
mp.FS.writeFile("/fw/main.py", readFileSync(program));
mp.FS.writeFile("/fw/steps.json", readFileSync(0));
mp.FS.writeFile("/fw/board.py", readFileSync(fileURLToPath(new URL("board.py", import.meta.url))));
try {
    mp.runPython(`
import sys, json
sys.path.insert(0, "/fw")
from deadman import DeadMan
with open("/fw/steps.json") as file:
    steps = json.load(file)
machine = DeadMan(steps[0][0], 7, 3, 0x10000000)
results = []
for now_ms, received, contact, random32 in steps:
    sent = machine.step(now_ms, bytes.fromhex(received), contact, random32)
    results.append([sent.hex(), machine.coil, machine.latch, machine.cause])
import board
print(json.dumps({"implementation": sys.implementation.name, "results": results, "board": board.run()}))
`);
} catch (error) {
    // Node would print the whole minified program before the Python traceback.
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
}
process.stdout.write(lines.join("\n"));
