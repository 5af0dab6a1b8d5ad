import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InvalidConfiguration } from '../../src/errors.js'
import { parseStudyResults, type StudyResults } from '../study/results.js'
import { writeWhole } from '../write-whole.js'
import { csvFiles } from './csv-files.js'
import { reportHtml } from './report-html.js'

export const RESULTS_FILE = 'report.json'
export const PAGE_FILE = 'report.html'

/**
 * Writes report.json, report.html, leaderboard.csv, comparisons.csv and curves.csv into a folder.
 * @returns the files' paths, report.html first
 * @throws InvalidConfiguration when the results are not what report.json may hold
 */
export async function writeReport(folder: string, results: StudyResults): Promise<string[]> {
  // as a reader will find them: what JSON cannot hold (NaN) must fail here, not when the page is made again
  const text = `${JSON.stringify(results, null, 1)}\n`
  const stored = parseStudyResults(JSON.parse(text), join(folder, RESULTS_FILE))
  const files = { [PAGE_FILE]: reportHtml(stored), [RESULTS_FILE]: text, ...csvFiles(stored) }
  for (const [name, content] of Object.entries(files)) await writeWhole(join(folder, name), content)
  return Object.keys(files).map((name) => join(folder, name))
}

/** @throws InvalidConfiguration when the file cannot be read or is no report.json of this version */
export async function readStudyResults(file: string): Promise<StudyResults> {
  let raw: unknown
  try {
    raw = JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    const why = (cause as Error).message.split('\n')[0]
    throw new InvalidConfiguration(file, `cannot be read as JSON (${why}); name the report.json of a study`)
  }
  return parseStudyResults(raw, file)
}
