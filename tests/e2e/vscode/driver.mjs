// A browser window in the hands of the tests: one JSON request a line on stdin, its answer on stdout.
// Argument: the folder whose node_modules has the browser's driver.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { chromium } = createRequire(`${process.argv[2]}/`)("playwright-core");
const POLL_MS = 50;
let browser, context, page, bound;
const failed = [];

// A view's page is in a frame inside a frame: whichever has the element is meant.
async function find(selector, anywhere) {
  const frames = anywhere ? page.frames() : [page.mainFrame()];
  for (const frame of frames) {
    const found = frame.locator(selector).locator("visible=true");
    try {
      if ((await found.count()) > 0) return found;
    } catch {
      // The frame was replaced while it was looked at.
    }
  }
  return undefined;
}

async function poll(look, what) {
  const deadline = Date.now() + bound;
  for (;;) {
    const value = await look();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`not within ${bound / 1000} s: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

const wait = ({ selector, anywhere }) => poll(() => find(selector, anywhere), () => selector);

// Messages come and go, and one that is shown again takes the place of the one before.
function countMessages() {
  globalThis.messagesShown = 0;
  const box = ".notification-toast-container";
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes)
      for (const node of addedNodes) if (node instanceof Element && node.matches(box)) globalThis.messagesShown += 1;
  }).observe(document, { childList: true, subtree: true });
}

const operations = {
  async open({ program, url, width, height, seconds }) {
    bound = seconds * 1000;
    browser = await chromium.launch({
      executablePath: program,
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });
    context = await browser.newContext({ viewport: { width, height }, permissions: ["clipboard-read", "clipboard-write"] });
    context.setDefaultTimeout(bound);
    await context.addInitScript(countMessages);
    page = await context.newPage();
    page.on("requestfailed", (request) => failed.push(`${request.url()} ${request.failure()?.errorText}`));
    await page.goto(url, { waitUntil: "domcontentloaded" });
  },
  async reload() {
    await page.reload({ waitUntil: "domcontentloaded" });
  },
  async wait(args) {
    await wait(args);
  },
  async gone({ selector, anywhere }) {
    await poll(async () => !(await find(selector, anywhere)), () => `no more ${selector}`);
  },
  async count({ selector, anywhere }) {
    return (await (await find(selector, anywhere))?.count()) ?? 0;
  },
  async click({ options, ...args }) {
    await (await wait(args)).first().click(options);
  },
  async texts({ selector, anywhere }) {
    const found = await find(selector, anywhere);
    return found ? found.evaluateAll((all) => all.map((each) => (each.innerText ?? each.textContent).replaceAll("\u00a0", " "))) : [];
  },
  async reads({ selector, part }) {
    let text = "";
    const there = async () => {
      text = (await operations.texts({ selector })).join("");
      return text !== "" && text.includes(part);
    };
    await poll(there, () => `${JSON.stringify(part)} in ${selector}, which reads ${JSON.stringify(text)}`);
    return text;
  },
  async attributes({ selector, anywhere, name }) {
    const found = await find(selector, anywhere);
    return found ? found.evaluateAll((all, key) => all.map((each) => each.getAttribute(key)), name) : [];
  },
  async type({ text, delay }) {
    await page.keyboard.type(text, { delay });
  },
  async press({ keys }) {
    for (const key of keys) await page.keyboard.press(key);
  },
  async shot({ path }) {
    await page.screenshot({ path });
  },
  async messages() {
    return page.evaluate(() => globalThis.messagesShown);
  },
  async failed() {
    return failed;
  },
  async close() {
    await browser?.close();
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, operation, args } = JSON.parse(line);
  let answer;
  try {
    answer = { id, result: (await operations[operation](args)) ?? null };
  } catch (error) {
    answer = { id, error: String(error.message) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
  if (operation === "close") break;
}
