vim9script
# The smaller commands, and what completes the arguments of all of them.

import autoload './client.vim'
import autoload './picker.vim'
import autoload './program.vim'
import autoload './util.vim'

def Among(list: list<string>, lead: string): list<string>
  return copy(list)->filter((_, each) => strpart(each, 0, strlen(lead)) ==# lead)
enddef

export def Modes(lead: string, _: string, _: number): list<string>
  return Among(['plain', 'ask', 'edit'], lead)
enddef

export def Efforts(lead: string, _: string, _: number): list<string>
  return Among(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'], lead)
enddef

export def Purposes(lead: string, _: string, _: number): list<string>
  return Among(['both', 'completion', 'chat'], lead)
enddef

export def OnOff(lead: string, _: string, _: number): list<string>
  return Among(['on', 'off'], lead)
enddef

export def Providers(lead: string, _: string, _: number): list<string>
  return Among(picker.Known(), lead)
enddef

# Runs the program in a terminal window, so that its progress and questions are seen as they are.
export def Program(arguments: list<string>)
  if !program.Found()
    util.Report(program.Missing())
    return
  endif
  botright new
  term_start(program.Command() + arguments, {
    curwin: true,
    term_rows: 12,
    env: util.Option('env'),
    exit_cb: (_, code) => {
      if code == 0
        client.Refresh()
      endif
    },
  })
enddef

export def Doctor()
  if !client.Running()
    Program(['doctor'])
    return
  endif
  client.Ask('polypilot/doctor', {}, (rows) => {
    var lines: list<string> = []
    for row in rows
      var ok = get(row, 'ok', null)
      var sign = ok == null ? '?' : ok ? '✓' : '✗'
      add(lines, $'{sign} {row.check}: {util.Field(row, "detail")}')
      if sign !=# '✓' && util.Field(row, 'cure') != ''
        add(lines, $'  → {row.cure}')
      endif
    endfor
    util.Show('polypilot://doctor', lines)
  })
enddef

# Records whether what a workspace folder asks for may be had.
export def Trust(given: string, distrust: bool)
  var folder = substitute(fnamemodify(given == '' ? getcwd() : expand(given), ':p'), '/$', '', '')
  if !distrust && confirm($'Trust what {util.Clean(folder)} asks of Polypilot?', "&Yes\n&No", 2) != 1
    util.Notify('nothing has changed')
    return
  endif
  client.Ask('polypilot/trust', {uri: util.Uri(folder), trusted: !distrust}, (result) => {
    var lines = [(result.trusted ? 'trusted: ' : 'not trusted: ') .. folder]
    for each in util.Field(result, 'pending', [])
      add(lines, (result.trusted ? 'it may: ' : 'it asks for: ')
        .. (type(each) == v:t_string ? each : json_encode(each)))
    endfor
    util.Notify(join(lines, "\n"))
  })
enddef
