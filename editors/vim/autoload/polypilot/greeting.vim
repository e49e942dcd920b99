vim9script
# What Vim tells the server of itself.

import autoload './util.vim'

# The parameters of `initialize`.
export def Parameters(folders: list<dict<any>>): dict<any>
  return {
    processId: getpid(),
    clientInfo: {name: 'Vim', version: $'{v:version / 100}.{v:version % 100}.{v:versionlong % 10000}'},
    rootUri: empty(folders) ? null : folders[0].uri,
    workspaceFolders: empty(folders) ? null : folders,
    initializationOptions: {polypilot: util.Option('settings')},
    capabilities: {
      general: {positionEncodings: ['utf-8']},
      window: {workDoneProgress: true, showDocument: {support: true}},
      workspace: {
        applyEdit: true,
        configuration: true,
        workspaceFolders: true,
        didChangeConfiguration: {dynamicRegistration: true},
        workspaceEdit: {documentChanges: true, resourceOperations: ['create']},
      },
      textDocument: {
        synchronization: {didSave: true},
        inlineCompletion: {dynamicRegistration: false},
      },
      experimental: {polypilot: {version: 1, completionGrew: true, permission: true}},
    },
  }
enddef
