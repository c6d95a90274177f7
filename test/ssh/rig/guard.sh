# Ends what a rig has started when the process of the rig has gone without doing so: `kill -9`, SIGTERM.
# $1 the folder, $2 the mark in the environment of its commands, $3 the process; on stdin the pid of each sshd, until the
# rig ends.
folder=$1 mark=$2 pids= all=
while read -r pid; do pids="$pids $pid"; done
tree() {
  for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
    tree "$child"
    echo "$child"
  done
}
for pid in $pids; do
  case $(cat "/proc/$pid/comm" 2>/dev/null) in
    sshd*)
      kill -STOP "$pid"
      all="$all $pid $(tree "$pid")"
      ;;
  esac
done
[ -n "$all" ] && kill -KILL $all
left=$(grep -lsz "^$mark" /proc/[0-9]*/environ | cut -d/ -f3)
[ -n "$left" ] && kill -KILL $left
rm -rf "$folder"
rm -f "/run/sshd/rig-$3"
[ "$(ls -A /run/sshd 2>/dev/null)" = made-by-a-rig ] && rm -r /run/sshd
