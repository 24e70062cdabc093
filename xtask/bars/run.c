/* Runs a program with a library preloaded and prints what it took:
   wall seconds, processor seconds, peak RSS in KiB, page faults, exit status.
   usage: run LIBRARY|"" PROGRAM ARGS... */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  /* vfork: the child does not inherit this process's peak RSS by way of a copied address space. */
  pid_t child = vfork();
  if (child == 0) {
    if (argv[1][0]) setenv("LD_PRELOAD", argv[1], 1);
    dup2(open("/dev/null", O_WRONLY), 1);
    execvp(argv[2], argv + 2);
    _exit(127);
  }
  int status;
  struct rusage use;
  wait4(child, &status, 0, &use);
  clock_gettime(CLOCK_MONOTONIC, &end);
  double wall = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
  printf("%f %f %ld %ld %d\n", wall, seconds(use.ru_utime) + seconds(use.ru_stime), use.ru_maxrss,
         use.ru_minflt + use.ru_majflt, status);
  return 0;
}
