vim9script
# Vim in the tests: the plugin from the tree, and a door through which the test asks.

set nocompatible encoding=utf-8 noswapfile hidden nomore shortmess+=I
set backspace=indent,eol,start
&runtimepath = $POLYPILOT_VIM_PLUGIN .. ',' .. &runtimepath
filetype plugin indent on
syntax on
set noexpandtab shiftwidth=4

g:polypilot = extend({
  cmd: json_decode($POLYPILOT_VIM_COMMAND),
  root_markers: ['root-of-the-test'],
}, json_decode($POLYPILOT_VIM_OPTIONS == '' ? '{}' : $POLYPILOT_VIM_OPTIONS))

def g:TestText(buffer: any = ''): string
  return join(getbufline(buffer == '' ? bufnr() : buffer, 1, '$'), "\n")
enddef

def g:TestTranscript(): string
  return bufexists('polypilot://transcript') ? g:TestText('polypilot://transcript') : ''
enddef

# What was shown to the user.
def g:TestMessages(): list<string>
  return polypilot#util#Said()
enddef

# Whether the server has the buffer.
def g:TestOpen(): bool
  return polypilot#document#IsOpen(bufnr())
enddef

def g:TestBusy(): bool
  return !empty(g:TestState().turn)
enddef

import autoload 'polypilot/chat.vim'
def g:TestState(): dict<any>
  return chat.state
enddef

g:test_door = ch_open($'unix:{$POLYPILOT_TEST_DOOR}', {mode: 'json'})
