/** A commit message without the code fence that a model may put around it. */
export function bare(text: string): string {
  // By strings alone: a model writes it, and an expression for it takes time by the square.
  const lines = text.trim().split("\n");
  const first = lines[0] ?? "";
  let run = 0;
  while (first[run] === "`") run += 1;
  const fenced = run >= 3 && lines.length > 1 && lines.at(-1)?.trim() === "`".repeat(run);
  return (fenced ? lines.slice(1, -1).join("\n") : text).trim();
}
