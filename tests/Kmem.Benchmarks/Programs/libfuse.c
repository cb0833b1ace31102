/* One file of zeros served by C libfuse, as a measure for kmem mount. Usage: libfuse DIR -f */
#define FUSE_USE_VERSION 34
#include <errno.h>
#include <fuse3/fuse_lowlevel.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char memory[1 << 20];

static void fill(fuse_ino_t ino, struct stat *st)
{
    memset(st, 0, sizeof *st);
    st->st_ino = ino;
    st->st_nlink = 1;
    st->st_mode = ino == 1 ? S_IFDIR | 0755 : S_IFREG | 0644;
    st->st_size = ino == 1 ? 0 : 1L << 32;
}

static void do_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct fuse_entry_param e = {.ino = 2, .attr_timeout = 1, .entry_timeout = 1};
    if (strcmp(name, "mem"))
        return (void)fuse_reply_err(req, ENOENT);
    fill(2, &e.attr);
    fuse_reply_entry(req, &e);
}

static void do_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct stat st;
    fill(ino, &st);
    fuse_reply_attr(req, &st, 1);
}

static void do_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    fi->direct_io = 1;
    fuse_reply_open(req, fi);
}

static void do_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
    fuse_reply_buf(req, memory + off % (sizeof memory / 2), size > sizeof memory / 2 ? sizeof memory / 2 : size);
}

static const struct fuse_lowlevel_ops ops = {.lookup = do_lookup, .getattr = do_getattr, .open = do_open, .read = do_read};

int main(int argc, char **argv)
{
    struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
    struct fuse_cmdline_opts opts;
    fuse_parse_cmdline(&args, &opts);
    struct fuse_session *se = fuse_session_new(&args, &ops, sizeof ops, NULL);
    fuse_session_mount(se, opts.mountpoint);
    struct fuse_loop_config config = {.clone_fd = 0, .max_idle_threads = 2};
    fuse_session_loop_mt(se, &config);
    fuse_session_unmount(se);
    return 0;
}
