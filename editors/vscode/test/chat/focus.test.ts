import assert from "node:assert/strict";
import { test } from "node:test";

import { showOnly } from "../../src/chat/page/focus";

interface Scripted {
  hidden: boolean;
  focused: number;
  focus(): void;
}

function element(hidden = false): Scripted {
  return { hidden, focused: 0, focus() { this.focused += 1; } };
}

test("the focus of a button that goes is the message box's", () => {
  const [send, stop, box] = [element(true), element(), element()];
  showOnly([send], [stop], { active: stop, heir: box });
  assert.deepEqual([send.hidden, stop.hidden, box.focused], [false, true, 1]);
});

test("a focus that is elsewhere stays there", () => {
  const [send, stop, box, other] = [element(), element(true), element(), element()];
  showOnly([stop], [send], { active: other, heir: box });
  assert.deepEqual([send.hidden, stop.hidden, box.focused], [true, false, 0]);
  showOnly([stop], [send], { active: null, heir: box });
  assert.equal(box.focused, 0);
});

test("what stays as it is moves no focus", () => {
  const [send, stop, box] = [element(), element(true), element()];
  showOnly([send], [stop], { active: send, heir: box });
  assert.deepEqual([send.hidden, stop.hidden, box.focused], [false, true, 0]);
});
