import assert from "node:assert/strict";
import { test } from "node:test";

import { changes } from "../src/changes";
import { type Inspection, userText } from "../src/settings";

test("the server is another only when the user's own path has changed, not a workspace's", () => {
  let path: Inspection | undefined;
  const changed = changes(() => userText(path));
  assert.equal(changed(), false);
  path = { workspaceValue: "/evil/polypilot" };
  assert.equal(changed(), false);
  path = { globalValue: "/own/polypilot", workspaceValue: "/evil/polypilot" };
  assert.equal(changed(), true);
  assert.equal(changed(), false);
  path = { globalValue: " /own/polypilot ", workspaceValue: { nested: true } };
  assert.equal(changed(), false);
  path = { globalValue: 7 };
  assert.equal(changed(), true);
});
