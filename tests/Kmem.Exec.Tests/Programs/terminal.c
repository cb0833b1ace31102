/* A shell's job control in small: starts the command as a job on a terminal of its own, stops it with ^Z, lets it go on behind, takes it to the front and ends it with ^C. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int status;

/* 1 when the job has changed its state within some seconds. */
static int changes(pid_t job, int flags)
{
    for (int i = 0; i < 300; i++) {
        if (waitpid(job, &status, flags | WNOHANG) == job)
            return 1;
        usleep(50000);
    }
    return 0;
}

int main(int argc, char **argv)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    grantpt(terminal);
    unlockpt(terminal);
    char *name = ptsname(terminal);
    pid_t shell = fork();
    if (shell == 0) {
        setsid();
        int own = open(name, O_RDWR);
        ioctl(own, TIOCSCTTY, 0);
        signal(SIGTTOU, SIG_IGN);
        pid_t job = fork();
        if (job == 0) {
            setpgid(0, 0);
            tcsetpgrp(own, getpid());
            signal(SIGTTOU, SIG_DFL);
            for (int i = 0; i < 3; i++)
                dup2(own, i);
            execvp(argv[1], argv + 1);
            _exit(127);
        }
        setpgid(job, job);
        char line[256];
        int got = 0;
        while (!memmem(line, got, "ready", 5)) {
            int n = read(terminal, line + got, sizeof line - got);
            if (n <= 0 || (got += n) == sizeof line)
                _exit(1);
        }
        write(terminal, "\032", 1);
        printf("stopped: %d\n", changes(job, WUNTRACED) && WIFSTOPPED(status));
        tcsetpgrp(own, getpid());
        kill(-job, SIGCONT);
        printf("behind: %d\n", changes(job, WCONTINUED) && WIFCONTINUED(status));
        usleep(700000);
        printf("stops again: %d\n", waitpid(job, &status, WUNTRACED | WNOHANG) == job);
        tcsetpgrp(own, job);
        kill(-job, SIGCONT);
        usleep(300000);
        write(terminal, "\003", 1);
        printf("ended: %d\n", changes(job, WUNTRACED) ? WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status) : -1000);
        fflush(stdout);
        kill(-job, SIGKILL);
        _exit(0);
    }
    waitpid(shell, &status, 0);
    return WEXITSTATUS(status);
}
