vim9script
# The program that is the server, and that takes keys: where it is, if it may be started.

import autoload './util.vim'

var told = false

# Where the program is; empty: nowhere. Windows also looks into the current folder, and first, where
# anybody's program may be: that one is not started, least of all with a key.
def Path(): string
  var name = util.Option('cmd')[0]
  var path = exepath(name)
  var bare = name !~ '[/\\]'
  return bare && fnamemodify(path, ':p:h') ==# fnamemodify(getcwd(), ':p:h') ? '' : path
enddef

# The command line that starts the program, found once and for all.
export def Command(): list<string>
  var path = Path()
  return [path == '' ? util.Option('cmd')[0] : path] + slice(util.Option('cmd'), 1)
enddef

export def Found(): bool
  return Path() != ''
enddef

export def Missing(): dict<any>
  return {
    message: $'the program {util.Option("cmd")[0]} was not found',
    code: 'missing',
    cure: util.INSTALL,
  }
enddef

# Says that there is none; once, until `TellAgain`.
export def TellMissing()
  if !told
    told = true
    util.Report(Missing())
  endif
enddef

export def TellAgain()
  told = false
enddef
