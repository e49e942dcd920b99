/** Gives a function that tells whether a value is another than when it was last called. Pure. */
export function changes(read: () => string): () => boolean {
  let last = read();
  return () => {
    const before = last;
    last = read();
    return last !== before;
  };
}
