/**
 * Where an error was thrown, without what it says: the message of a foreign error may quote a request, and a line of it may look
 * like a frame.
 * @returns lines of the stack; none where the message cannot be told from them
 */
export function stackFrames({ message, stack = '' }: Error): string[] {
  const start = stack.indexOf(message)
  // it begins in the first line, behind the error's name
  if (start < 0 || stack.slice(0, start).includes('\n')) return []
  return stack
    .slice(start + message.length)
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
}
