// A client made with the protocol's own TypeScript library, which checks every message.
// node client.mjs JSON, where JSON is {cwd, command, library}; prints what it saw as JSON.
import { spawn } from "node:child_process";
import { Readable, Writable } from "node:stream";

const { cwd, command, library } = JSON.parse(process.argv[2]);
const { client, ndJsonStream, AGENT_METHODS, CLIENT_METHODS, PROTOCOL_VERSION } = await import(
  library
);
const agent = spawn(command[0], command.slice(1), { stdio: ["pipe", "pipe", "inherit"] });
const wire = ndJsonStream(Writable.toWeb(agent.stdin), Readable.toWeb(agent.stdout));
const seen = { text: "", kinds: [] };

const app = client({ name: "typescript" })
  .onRequest(CLIENT_METHODS.session_request_permission, () => ({
    outcome: { outcome: "cancelled" },
  }))
  .onNotification(CLIENT_METHODS.session_update, ({ params: { update } }) => {
    seen.kinds.push(update.sessionUpdate);
    if (update.sessionUpdate === "agent_message_chunk") seen.text += update.content.text;
  });

await app.connectWith(wire, async (peer) => {
  const ask = (method, params) => peer.request(AGENT_METHODS[method], params);
  const told = await ask("initialize", {
    protocolVersion: PROTOCOL_VERSION,
    clientCapabilities: {},
    clientInfo: { name: "typescript", version: "1" },
  });
  seen.version = told.protocolVersion;
  const opened = await ask("session_new", { cwd, mcpServers: [] });
  const { sessionId } = opened;
  seen.options = opened.configOptions.map((each) => each.id);
  const prompt = (text) =>
    ask("session_prompt", { sessionId, prompt: [{ type: "text", text }] });
  seen.first = await prompt("Say hello");
  const change = { sessionId, configId: "model", value: "team/thinker" };
  const changed = await ask("session_set_config_option", change);
  seen.model = changed.configOptions.find((each) => each.category === "model").currentValue;
  await ask("session_set_mode", { sessionId, modeId: "plain" });
  seen.sessions = (await ask("session_list", { cwd })).sessions.length;
  const before = seen.text.length;
  await ask("session_load", { sessionId, cwd, mcpServers: [] });
  seen.loaded = seen.text.slice(before);
  const running = prompt("Count");
  while (!seen.text.endsWith("One")) await new Promise((later) => setTimeout(later, 5));
  await peer.notify(AGENT_METHODS.session_cancel, { sessionId });
  seen.second = await running;
  await ask("session_close", { sessionId });
  await ask("session_delete", { sessionId });
  seen.left = (await ask("session_list", { cwd })).sessions.length;
  seen.error = await prompt("Still there?").catch((error) => error.code);
});
agent.on("exit", (code) => {
  seen.exit = code;
  console.log(JSON.stringify(seen));
});
agent.stdin.end();
