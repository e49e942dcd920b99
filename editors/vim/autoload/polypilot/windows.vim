vim9script
# The chat's two windows: the transcript and below it the prompt.

import autoload './chat.vim'
import autoload './edits.vim'
import autoload './permission.vim'
import autoload './prompt.vim'
import autoload './status.vim'
import autoload './transcript.vim'
import autoload './util.vim'

def Window(name: string): number
  var here = win_findbuf(transcript.Buffer(name))->filter((_, id) => win_id2tabwin(id)[0] == tabpagenr())
  return empty(here) ? 0 : here[0]
enddef

def Map(mode: string, key: string, call: string)
  execute $'{mode}noremap <buffer> <nowait> <silent> {key} <ScriptCmd>{call}<CR>'
enddef

def Prepare(name: string)
  setlocal wrap linebreak nonumber norelativenumber nospell signcolumn=no nolist
  if &l:filetype !=# 'markdown'
    setlocal filetype=markdown
    # It makes an error of every lone underscore.
    silent! syntax clear markdownError
  endif
  # After the filetype plugin, which may have its own ideas.
  setlocal nomodeline textwidth=0 noswapfile buftype=nofile bufhidden=hide
  Map('n', '<C-c>', 'chat.StopCommand()')
  Map('n', 'gn', 'chat.New()')
  Map('n', 'gy', 'permission.Answer()')
  Map('n', 'q', 'Close()')
  if name ==# 'transcript'
    setlocal foldmethod=expr foldenable foldlevel=0 nomodifiable
    &l:foldexpr = 'polypilot#transcript#Fold(v:lnum)'
    &l:foldtext = 'polypilot#transcript#FoldText()'
    Map('n', 'ga', 'edits.AcceptHere()')
    Map('n', 'gh', 'edits.AcceptHunk()')
    Map('n', 'gx', 'edits.RejectHere()')
  else
    setlocal omnifunc=polypilot#Complete
    Map('n', '<CR>', 'prompt.Send()')
    inoremap <buffer> <nowait> <silent> <C-s> <Esc><ScriptCmd>prompt.Send()<CR>
  endif
enddef

export def Open()
  if Window('transcript') == 0
    var options = util.Option('chat')
    var width = options.width < 1 ? float2nr(&columns * options.width) : float2nr(options.width + 0.0)
    var side = {right: 'botright vertical', left: 'topleft vertical', bottom: 'botright', top: 'topleft'}
    var size = options.position =~# '^[rl]' ? $':{width}' : ''
    execute $'{get(side, options.position, side.right)} {size}split'
    execute $'buffer {transcript.Buffer("transcript")}'
    Prepare('transcript')
    setlocal winfixwidth
  endif
  if Window('prompt') == 0
    win_gotoid(Window('transcript'))
    execute $'belowright :{util.Option("chat").prompt_height}split'
    execute $'buffer {transcript.Buffer("prompt")}'
    Prepare('prompt')
    setlocal winfixheight
  endif
  transcript.Follow(true)
  win_gotoid(Window('prompt'))
  Titles()
enddef

export def Close()
  for name in ['prompt', 'transcript']
    var window = Window(name)
    if window != 0 && winnr('$') > 1
      win_execute(window, 'close')
    endif
  endfor
enddef

def Bar(parts: list<string>): string
  var text = join(copy(parts)->filter((_, part) => part != ''), ' · ')
  return substitute(substitute(util.Clean(text), "\n", ' ', 'g'), '%', '%%', 'g') .. '%<'
enddef

# The windows' status lines: who answers, what about, and what can be done.
export def Titles()
  var target = util.Field(status.Get(), 'chat', {})
  var chosen = chat.state.chosen
  var name = get(chosen, 'model', get(chosen, 'provider', ''))
  for each in [util.Field(target, 'model'), util.Field(target, 'provider')]
    name = name == '' ? each : name
  endfor
  var answering = !empty(chat.state.turn)
  for window in win_findbuf(transcript.Buffer('transcript'))
    setwinvar(window, '&statusline', Bar(['Polypilot', name, get(chosen, 'mode', ''),
      get(chosen, 'title', ''), answering ? 'answering' : '']))
  endfor
  var hint = permission.Waiting() ? 'gy answers the question' : answering ? '<C-c> stops'
    : '<CR> sends'
  var labels = join(mapnew(chat.state.attachments, (_, each) => each.label), ', ')
  for window in win_findbuf(transcript.Buffer('prompt'))
    setwinvar(window, '&statusline', Bar([hint, labels == '' ? '' : $'with {labels}']))
  endfor
enddef
