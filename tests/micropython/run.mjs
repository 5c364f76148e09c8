// Runs the dead-man controller's state machine under MicroPython.
// node run.mjs MICROPYTHON.mjs DEADMAN.py < steps.json > results.json
// A step is [now_ms, received as hex, contact closed, random32]; a result is [sent as hex, coil, latch, cause].
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [, , micropython, firmware] = process.argv;
const { loadMicroPython } = await import(pathToFileURL(micropython).href);
const lines = [];
const mp = await loadMicroPython({ heapsize: 4 * 1024 * 1024, stdout: (line) => lines.push(line), linebuffer: true });
mp.FS.mkdir("/fw");
mp.FS.writeFile("/fw/deadman.py", readFileSync(firmware));
mp.FS.writeFile("/fw/steps.json", readFileSync(0));
mp.runPython(`
import sys, json
sys.path.insert(0, "/fw")
from deadman import DeadMan
with open("/fw/steps.json") as file:
    steps = json.load(file)
machine = DeadMan(steps[0][0], 7, 3, steps[0][3])
results = []
for now_ms, received, contact, random32 in steps:
    sent = machine.step(now_ms, bytes.fromhex(received), contact, random32)
    results.append([sent.hex(), machine.coil, machine.latch, machine.cause])
print(json.dumps({"implementation": sys.implementation.name, "version": list(sys.implementation.version)[:3], "results": results}))
`);
process.stdout.write(lines.join("\n"));
