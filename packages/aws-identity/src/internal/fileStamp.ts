/** Whether the stamp of a file tells that the file has not changed since it was read. */
import type { Look } from "../Files.js"

/** ms. A file changed so lately may change again within the same tick of the file system's clock (of up to 2 s). */
const unsettledMillis = 2500

/** Whether the next change of the file is certain to change its stamp. */
export const isSettled = ({ changedAt }: Look, now: number): boolean => now - changedAt > unsettledMillis
