/* The floor: what a program costs that nothing is added to. posix_spawn, and one epoll over both pipes of each child.
     cc -O2 -o floor floor.c && ./floor 1000 8 true      prints programs a second */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* Children at once. */
enum { MOST = 1024 };

static struct {
  pid_t pid;
  int fds[2]; /* our ends of its stdout and stderr */
  int open;
} lanes[MOST];
static int epoll;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void check(const char *what, int error) {
  if (error == 0) return;
  fprintf(stderr, "%s: %s\n", what, strerror(error));
  exit(1);
}

static void start(int lane, char **argv) {
  posix_spawn_file_actions_t actions;
  int theirs[2];
  check("file actions", posix_spawn_file_actions_init(&actions));
  check("stdin", posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0));
  for (int i = 0; i < 2; i++) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) fail("pipe2");
    lanes[lane].fds[i] = ends[0];
    theirs[i] = ends[1];
    check("dup2", posix_spawn_file_actions_adddup2(&actions, ends[1], i + 1));
  }
  check(argv[0], posix_spawnp(&lanes[lane].pid, argv[0], &actions, NULL, argv, environ));
  posix_spawn_file_actions_destroy(&actions);
  lanes[lane].open = 2;
  for (int i = 0; i < 2; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = lane * 2 + i};
    close(theirs[i]);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, lanes[lane].fds[i], &event) < 0) fail("epoll_ctl");
  }
}

/* Reads from a pipe; whether the program has ended by that. One that closes its pipes early would hold up the others. */
static int ended(int lane, int which) {
  static char buffer[65536];
  int status;
  ssize_t got = read(lanes[lane].fds[which], buffer, sizeof buffer);
  if (got < 0 && errno != EINTR) fail("read");
  if (got != 0) return 0;
  /* A child that is about to begin may still have it: closed here alone, epoll would go on to tell of it. */
  if (epoll_ctl(epoll, EPOLL_CTL_DEL, lanes[lane].fds[which], NULL) < 0) fail("epoll_ctl");
  close(lanes[lane].fds[which]);
  if (--lanes[lane].open > 0) return 0;
  while (waitpid(lanes[lane].pid, &status, 0) < 0)
    if (errno != EINTR) fail("waitpid");
  if (status != 0) {
    fprintf(stderr, "a program failed: status %d\n", status);
    exit(1);
  }
  return 1;
}

static void run(int programs, int width, char **argv) {
  int started = 0, finished = 0;
  while (started < width && started < programs) start(started++, argv);
  while (finished < programs) {
    struct epoll_event events[64];
    int count = epoll_wait(epoll, events, 64, -1);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < count; i++) {
      int lane = events[i].data.u32 / 2;
      if (!ended(lane, events[i].data.u32 % 2)) continue;
      finished++;
      if (started < programs) {
        started++;
        start(lane, argv);
      }
    }
  }
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  int programs = argc > 3 ? atoi(argv[1]) : 0, width = argc > 3 ? atoi(argv[2]) : 0;
  if (programs < 1 || width < 1 || width > MOST) {
    fprintf(stderr, "usage: floor PROGRAMS WIDTH COMMAND [ARGUMENT ...]\n");
    return 2;
  }
  if ((epoll = epoll_create1(EPOLL_CLOEXEC)) < 0) fail("epoll_create1");
  run(width, width, argv + 3);
  double began = now();
  run(programs, width, argv + 3);
  printf("%f\n", programs / (now() - began));
  return 0;
}
