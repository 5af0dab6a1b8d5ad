/**
 * `npm start` runs the server under a shell that does not pass signals on: stopping npm would leave the server running,
 * with its port taken. A server that npm started therefore watches for the loss of its parent.
 */
const POLL_MS = 250

/** @param parentPid reads the parent's process id, which changes when the parent ends (POSIX; it never does on Windows) */
export function onParentLoss(parentPid: () => number, lost: () => void): NodeJS.Timeout {
  const first = parentPid()
  const timer = setInterval(() => {
    if (parentPid() === first) return
    clearInterval(timer)
    lost()
  }, POLL_MS)
  return timer.unref()
}
