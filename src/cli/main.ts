#!/usr/bin/env node
/** The `lextier` command. A command's file declares its options; what it runs is imported when it runs. */
import { Command } from 'commander'
import { addAdvise } from './advise.js'
import { addArchitectures } from './architectures.js'
import { addAttribute } from './attribute.js'
import { endWithReader } from './closed-pipe.js'
import { addEvaluate } from './evaluate.js'
import { addExplain } from './explain.js'
import { addOpenapi } from './openapi.js'
import { packageVersion } from './package-root.js'
import { addPredict } from './predict.js'
import { addPrepare } from './prepare.js'
import { addReport } from './report.js'
import { describeFailure } from './report-error.js'
import { addServe } from './serve.js'
import { addStudy } from './study.js'
import { addTrain } from './train.js'
import { addTune } from './tune.js'

const COMMANDS: readonly ((program: Command) => void)[] = [
  addServe,
  addTune,
  addPrepare,
  addTrain,
  addStudy,
  addEvaluate,
  addPredict,
  addExplain,
  addAttribute,
  addAdvise,
  addReport,
  addArchitectures,
  addOpenapi,
]

endWithReader(process, [process.stdout, process.stderr])

const program = new Command('lextier')
  .description('Train families of legal text classifiers by distillation and serve them by latency budget')
  .version(packageVersion())
  .showHelpAfterError('(add --help for the options)')
  .exitOverride()
for (const add of COMMANDS) add(program)
// subcommands were made by now: the override and the hint are inherited by copying
for (const command of program.commands) command.copyInheritedSettings(program)

try {
  await program.parseAsync()
} catch (error) {
  const { text, exitCode } = describeFailure(error)
  process.stderr.write(text)
  process.exitCode = exitCode
}
