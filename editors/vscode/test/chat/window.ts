/** The view's page in a real browser, with the real controller behind it. */
import { createServer, type Server } from "node:http";
import { readFile, mkdir } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";

import { Controller } from "../../src/chat/controller";
import { html } from "../../src/chat/html";
import type { FromPage } from "../../src/chat/messages";
import { NotingDesk, ScriptedServer } from "./scripted";
import { THEMES, type Theme } from "./themes";

export const CHROMIUM = process.env.POLYPILOT_CHROMIUM ?? "/usr/bin/chromium";
const ROOT = process.cwd();
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];
const TYPES: Readonly<Record<string, string>> = { js: "text/javascript", css: "text/css" };

async function serve(): Promise<Server> {
  const server = createServer((request, response) => {
    const name = (request.url ?? "/").slice(1);
    if (name === "") {
      response.setHeader("content-type", "text/html");
      response.end(html({ source: "'self'", script: "/chat.js", style: "/chat.css", nonce: "scripted" }));
      return;
    }
    const file = name === "chat.js" ? "dist/chat.js" : name === "chat.css" ? "media/chat/chat.css" : undefined;
    if (file === undefined) {
      response.statusCode = 404;
      response.end();
      return;
    }
    response.setHeader("content-type", TYPES[name.split(".").at(-1) ?? ""] ?? "");
    void readFile(join(ROOT, file)).then((content) => response.end(content));
  });
  await new Promise<void>((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  return server;
}

export class Window {
  readonly requested: string[] = [];
  readonly violations: string[] = [];
  readonly errors: string[] = [];
  session: string | undefined;
  controller: Controller;

  private constructor(
    readonly server: ScriptedServer,
    readonly desk: NotingDesk,
    readonly page: Page,
    private readonly context: BrowserContext,
    private readonly http: Server,
  ) {
    this.controller = this.made();
  }

  static async open(browser: Browser, server: ScriptedServer, { theme = "dark", width = 420, height = 760, desk = new NotingDesk() }: { theme?: Theme; width?: number; height?: number; desk?: NotingDesk } = {}): Promise<Window> {
    const http = await serve();
    const context = await browser.newContext({ viewport: { width, height }, permissions: [] });
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    const window = new Window(server, desk, page, context, http);
    page.on("request", (request) => window.requested.push(request.url()));
    page.on("pageerror", (error) => window.errors.push(error.message));
    page.on("console", (message) => { if (message.type() === "error") window.violations.push(message.text()); });
    await page.exposeBinding("fromPage", (_, message: FromPage) => { void window.controller.take(message); });
    await page.addInitScript(() => {
      const stored = globalThis.sessionStorage;
      Object.assign(globalThis, {
        acquireVsCodeApi: () => ({
          postMessage: (message: unknown) => { (globalThis as unknown as { fromPage: (sent: unknown) => void }).fromPage(message); },
          getState: (): unknown => JSON.parse(stored.getItem("state") ?? "null") ?? undefined,
          setState: (state: unknown) => { stored.setItem("state", JSON.stringify(state)); },
        }),
      });
    });
    await window.load();
    await window.theme(theme);
    return window;
  }

  private made(): Controller {
    const controller = new Controller(this.server, this.desk, {
      get: () => this.session,
      set: (sessionId) => { this.session = sessionId; },
    });
    controller.attach((message) => { void this.page.evaluate((sent) => { globalThis.postMessage(sent, "*"); }, message).catch(() => undefined); });
    return controller;
  }

  async load(): Promise<void> {
    const { port } = this.http.address() as AddressInfo;
    await this.page.goto(`http://127.0.0.1:${String(port)}/`);
    await this.page.locator("#message").waitFor();
  }

  /** The window is loaded again: the extension begins anew as well. */
  async reload(): Promise<void> {
    this.controller.dispose();
    this.controller = this.made();
    await this.load();
  }

  async theme(theme: Theme): Promise<void> {
    const { kind, variables } = THEMES[theme];
    await this.page.evaluate(([name, values]) => {
      document.body.className = name;
      document.documentElement.removeAttribute("style");
      for (const [key, value] of Object.entries(values)) document.documentElement.style.setProperty(key, value);
    }, [kind, variables] as const);
  }

  async shot(name: string): Promise<void> {
    const folder = process.env.POLYPILOT_SHOTS;
    if (folder === undefined) return;
    await mkdir(folder, { recursive: true });
    await this.page.screenshot({ path: join(folder, `${name}.png`) });
  }

  async close(): Promise<void> {
    await this.context.close();
    await new Promise((resolve) => this.http.close(resolve));
  }
}

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}
