import type { Command } from 'commander'
import { serveConfig } from '../config/serve-config.js'
import { SERVE_SETTINGS, type ServeVariable, type Setting, settingHelp } from '../config/serve-settings.js'
import { defaultCacheFolder } from './cache-folder.js'
import { bundledModels, packageVersion } from './package-root.js'

/** `lextier serve` */
export function addServe(program: Command): void {
  const command = program
    .command('serve')
    .description('serve families over HTTP')
    .addHelpText('after', '\nEvery option can be given as the environment variable named beside it; the option wins.')
  const variableOf = new Map<string, ServeVariable>()
  for (const variable of Object.keys(SERVE_SETTINGS) as ServeVariable[]) {
    const { flag, argument }: Setting = SERVE_SETTINGS[variable]
    const option = command.createOption(`--${flag} ${argument}`, settingHelp(variable))
    variableOf.set(option.attributeName(), variable)
    command.addOption(option)
  }
  command.action(async (options: Record<string, string>) => {
    const flags = Object.fromEntries(
      Object.entries(options).map(([attribute, text]) => [variableOf.get(attribute) as string, text]),
    )
    const config = serveConfig(process.env, flags)
    const { runServer } = await import('./run-server.js')
    const modelsDir = config.modelsDir ?? bundledModels()
    const cacheDir = config.cacheDir ?? defaultCacheFolder(process.env)
    await runServer({ ...config, modelsDir, cacheDir }, packageVersion())
  })
}
