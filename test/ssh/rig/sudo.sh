#!/bin/sh
# What sudo does with a password, without becoming anybody else. NOPASSWD, PASSWORD are files beside the host's log.
# The command is told of it: SUDO_USER as ever, RIG_SUDO the user it was to run as.
fail() {
  printf 'sudo: %s\n' "$1" >&2
  exit 1
}
never= stdin= reset= target=root prompt='[sudo] password for %p: '
while getopts nHSkEu:p: option; do
  case $option in
    n) never=1 ;;
    S) stdin=1 ;;
    k) reset=1 ;;
    u) target=$OPTARG ;;
    p) prompt=$OPTARG ;;
    H | E) ;;
    *) exit 1 ;;
  esac
done
shift $((OPTIND - 1))
if [ $# -eq 0 ]; then
  [ -n "$reset" ] && exit 0
  echo 'usage: sudo [-nHSkE] [-u user] [-p prompt] [--] command' >&2
  exit 1
fi
id -u "$target" >/dev/null 2>&1 || fail "unknown user $target"
if [ ! -e @NOPASSWD@ ]; then
  [ -n "$never" ] && fail 'a password is required'
  if [ -z "$stdin" ]; then
    echo 'sudo: a terminal is required to read the password; either use the -S option to read from standard input or configure an askpass helper' >&2
    fail 'a password is required'
  fi
  user=$(id -un)
  prompt=$(printf '%s.' "$prompt" | sed "s/%[pu]/$user/g; s/%U/$target/g; s/%%/%/g")
  wanted=$(cat @PASSWORD@; echo .)
  tries=0
  while :; do
    printf %s "${prompt%.}" >&2
    # One byte at a time, as sudo: what follows is the command's.
    if ! IFS= read -r given && [ -z "$given" ]; then
      echo >&2
      [ $tries -eq 1 ] && fail '1 incorrect password attempt'
      [ $tries -gt 1 ] && fail "$tries incorrect password attempts"
      echo 'sudo: no password was provided' >&2
      fail 'a password is required'
    fi
    echo >&2
    [ "$given." = "$wanted" ] && break
    tries=$((tries + 1))
    [ $tries -eq 3 ] && fail '3 incorrect password attempts'
    echo 'Sorry, try again.' >&2
  done
fi
export SUDO_USER="$(id -un)" RIG_SUDO="$target"
case $1 in
  *=*) exec env "$@" ;;
esac
command -v "$1" >/dev/null || fail "$1: command not found"
exec "$@"
