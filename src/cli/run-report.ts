import { resolve } from 'node:path'
import { reportHtml } from '../../training/report/report-html.js'
import { readStudyResults } from '../../training/report/write-report.js'
import { writeWhole } from '../../training/write-whole.js'

export interface ReportFlags {
  readonly from: string
  readonly out: string
}

export async function runReport({ from, out }: ReportFlags): Promise<void> {
  const page = reportHtml(await readStudyResults(resolve(from)))
  await writeWhole(resolve(out), page)
  console.log(resolve(out))
}
