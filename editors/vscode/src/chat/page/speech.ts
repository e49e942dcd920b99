/** What a screen reader is given of an answer that grows: whole sentences, and code by its size alone. */

const ENOUGH = 120;
const LONGEST = 600;

export class Speech {
  private at = 0;
  private inCode = false;
  private codeLines = 0;

  /** What may be said by now of a text that has grown; `done`: nothing follows. */
  next(text: string, done: boolean): string {
    const said: string[] = [];
    for (let end = this.lineEnd(text, done); end > this.at; end = this.lineEnd(text, done)) {
      const line = text.slice(this.at, end);
      this.at = end;
      const spoken = this.line(line);
      if (spoken !== "") said.push(spoken);
    }
    return said.join(" ").slice(0, LONGEST);
  }

  private lineEnd(text: string, done: boolean): number {
    const line = text.indexOf("\n", this.at);
    if (line >= 0) return line + 1;
    if (done) return text.length;
    if (this.inCode || text.length - this.at < ENOUGH) return this.at;
    const sentence = Math.max(...[". ", "! ", "? ", ": "].map((stop) => text.lastIndexOf(stop)));
    return sentence >= this.at ? sentence + 2 : this.at;
  }

  private line(line: string): string {
    if (/^\s*(?:```|~~~)/u.test(line)) {
      this.inCode = !this.inCode;
      const lines = this.codeLines;
      this.codeLines = 0;
      return this.inCode ? "" : `Code, ${String(lines)} ${lines === 1 ? "line" : "lines"}.`;
    }
    if (this.inCode) {
      this.codeLines += 1;
      return "";
    }
    return line.replace(/[*_`#>|]+/gu, "").replace(/\s+/gu, " ").trim();
  }
}
