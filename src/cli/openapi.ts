import type { Command } from 'commander'

/** `lextier openapi` */
export function addOpenapi(program: Command): void {
  program
    .command('openapi')
    .description('write the OpenAPI document of the HTTP API')
    .option('--output <file>', 'where to write it; - is standard output', '-')
    .option('--json', 'JSON instead of YAML')
    .action(async ({ output, json }: { output: string; json?: true }) => {
      const { writeFile } = await import('node:fs/promises')
      const { apiDocumentOfRoutes } = await import('../http/api-document-of-routes.js')
      const { packageVersion } = await import('./package-root.js')
      const document = await apiDocumentOfRoutes(json ? 'json' : 'yaml', packageVersion())
      if (output === '-') process.stdout.write(document)
      else await writeFile(output, document)
    })
}
