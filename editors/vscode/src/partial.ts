/** How much of a suggestion stands in the document, in UTF-16 code units; 0: the text is another. */
export function acceptedLength(suggestion: string, there: string): number {
  const one = suggestion.replace(/\r\n/g, "\n");
  const other = there.replace(/\r\n/g, "\n");
  if (other === "" || !one.startsWith(other)) {
    return 0;
  }
  const lines = suggestion.split("\n").slice(0, other.split("\n").length - 1);
  return other.length + lines.filter((each) => each.endsWith("\r")).length;
}
