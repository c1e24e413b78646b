#include "store/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/database.h"

#define PATH_MAX_BYTES 4096
#define LOCK_WAIT_MS 5000
/* Where SQLite locks the file: whoever has it open holds some byte of these
 * (sqlite.org/fileformat2.html, "the lock-byte page"). */
#define LOCK_BYTES_START 0x40000000L
#define LOCK_BYTES_COUNT 512L

#define fail(error, ...) gate_error_set_at((error), __FILE__, __LINE__, __VA_ARGS__)

static enum gate_err fail_file(struct gate_error *error, const char *path, const char *what) {
    enum gate_err kind = errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EROFS
                             ? GATE_ERR_STORE
                             : GATE_ERR_INPUT;
    return fail(error, kind, "%s cannot be %s: %s", path, what, strerror(errno));
}

/* A new, empty file that nobody else may read. */
static enum gate_err create_file(const char *path, struct gate_error *error) {
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail_file(error, path, "created");
    }
    close(fd);
    return GATE_OK;
}

/* Make what stands in a file, and its name, survive a loss of power. */
static enum gate_err sync_file(const char *path, struct gate_error *error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        enum gate_err err = fail_file(error, path, "written to disk");
        if (fd >= 0) {
            close(fd);
        }
        return err;
    }
    close(fd);
    return GATE_OK;
}

static enum gate_err sync_folder_of(const char *path, struct gate_error *error) {
    char copy[PATH_MAX_BYTES];
    snprintf(copy, sizeof copy, "%s", path);
    return sync_file(dirname(copy), error);
}

/* Copy all pages in one go: a source that is written meanwhile would make smaller steps begin again
 * and again. */
static enum gate_err copy_pages(gate_store_tx *from, gate_store_tx *to, const char *to_path,
                                struct gate_error *error, struct gate_store_copy *ret_copy) {
    sqlite3_backup *backup = sqlite3_backup_init(to->handle, "main", from->handle, "main");
    if (backup == NULL) {
        return gate_database_fail(to, sqlite3_extended_errcode(to->handle), to_path, error);
    }
    int result;
    int64_t waited_ms = 0;
    while (((result = sqlite3_backup_step(backup, -1)) & 0xff) == SQLITE_BUSY &&
           waited_ms < LOCK_WAIT_MS) {
        waited_ms += sqlite3_sleep(50);
    }
    int64_t pages = sqlite3_backup_pagecount(backup);
    (void)sqlite3_backup_finish(backup); /* the same result again */
    if (result != SQLITE_DONE) {
        return gate_database_fail(to, result, to_path, error);
    }
    int64_t page_bytes = 0;
    enum gate_err err = gate_database_page_bytes(from, error, &page_bytes);
    ret_copy->bytes = pages * page_bytes;
    return err;
}

/* ---- making one ---- */

static enum gate_err fill_copy(gate_store_tx *from, const char *copy_path, struct gate_error *error,
                               struct gate_store_copy *ret_copy) {
    gate_store_tx *to = NULL;
    enum gate_err err =
        gate_database_open(copy_path, GATE_DATABASE_WRITE, LOCK_WAIT_MS, error, &to);
    if (err != GATE_OK) {
        return err;
    }
    err = copy_pages(from, to, copy_path, error, ret_copy);
    if (err == GATE_OK) { /* one file, that can be opened where nothing may be written */
        err = gate_database_run_text(to, &gate_sql_statements[GATE_SQL_DATABASE_LEAVE_LOG], error);
    }
    if (err == GATE_OK) {
        err = gate_database_look_through(to, copy_path, false, error);
    }
    gate_database_close(to);
    return err == GATE_OK ? sync_file(copy_path, error) : err;
}

/* The name appears last; a file of that name that somebody made meanwhile stays. */
static enum gate_err publish(const char *partial_path, const char *copy_path,
                             struct gate_error *error) {
    if (link(partial_path, copy_path) != 0) {
        return errno == EEXIST ? fail(error, GATE_ERR_CONFLICT, "%s is there already", copy_path)
                               : fail_file(error, copy_path, "created");
    }
    return sync_folder_of(copy_path, error);
}

enum gate_err gate_store_backup(const char *path, const char *copy_path, struct gate_error *error,
                                struct gate_store_copy *ret_copy) {
    char partial_path[PATH_MAX_BYTES];
    int length =
        snprintf(partial_path, sizeof partial_path, "%s.partial-%ld", copy_path, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof partial_path) {
        return fail(error, GATE_ERR_INPUT, "the name of the copy is too long");
    }
    if (access(copy_path, F_OK) == 0) {
        return fail(error, GATE_ERR_CONFLICT, "%s is there already", copy_path);
    }
    gate_store_tx *from = NULL;
    struct gate_store_copy copy = {0};
    enum gate_err err = gate_database_open(path, GATE_DATABASE_READ, LOCK_WAIT_MS, error, &from);
    if (err == GATE_OK) {
        err = gate_database_require_known(from, path, error, &copy.schema_version);
    }
    if (err == GATE_OK) {
        err = create_file(partial_path, error);
    }
    if (err == GATE_OK) {
        err = fill_copy(from, partial_path, error, &copy);
        if (err == GATE_OK) {
            err = publish(partial_path, copy_path, error);
        }
        unlink(partial_path);
    }
    gate_database_close(from);
    if (err == GATE_OK) {
        *ret_copy = copy;
    }
    return err;
}

/* ---- putting one back ---- */

/* What is no database at all is another matter than one that is damaged. */
static enum gate_err require_database(const char *path, struct gate_error *error) {
    static const char magic[] = "SQLite format 3"; /* with its NUL */
    char head[sizeof magic] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return fail_file(error, path, "read");
    }
    bool fits = read(fd, head, sizeof head) == (ssize_t)sizeof head &&
                memcmp(head, magic, sizeof magic) == 0;
    close(fd);
    return fits ? GATE_OK : fail(error, GATE_ERR_CONFIG, "%s is not a database file", path);
}

static enum gate_err open_copy(const char *copy_path, struct gate_error *error,
                               gate_store_tx **ret_from, struct gate_store_copy *ret_copy) {
    gate_store_tx *from = NULL;
    enum gate_err err = require_database(copy_path, error);
    if (err != GATE_OK) {
        return err;
    }
    err = gate_database_open(copy_path, GATE_DATABASE_READ, LOCK_WAIT_MS, error, &from);
    if (err == GATE_OK) {
        err = gate_database_require_known(from, copy_path, error, &ret_copy->schema_version);
    }
    if (err == GATE_OK) {
        err = gate_database_look_through(from, copy_path, true, error);
    }
    if (err != GATE_OK) {
        gate_database_close(from);
        return err;
    }
    *ret_from = from;
    return GATE_OK;
}

static enum gate_err fail_in_use(struct gate_error *error, const char *path) {
    return fail(error, GATE_ERR_CONFLICT, "%s is in use; stop the service (and its socket) first",
                path);
}

/* Also where the file is no database any more, so that SQLite would not say. */
static enum gate_err require_unused(const char *path, struct gate_error *error) {
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return fail_file(error, path, "opened");
    }
    struct flock lock = {
        .l_type = F_WRLCK,
        .l_whence = SEEK_SET,
        .l_start = LOCK_BYTES_START,
        .l_len = LOCK_BYTES_COUNT,
    };
    bool asked = fcntl(fd, F_GETLK, &lock) == 0;
    close(fd);
    return asked && lock.l_type == F_UNLCK ? GATE_OK : fail_in_use(error, path);
}

/* A new file in the database's place. Made by root it would be of no use to the service, which owns
 * the folder. */
static enum gate_err create_database_file(const char *path, struct gate_error *error) {
    enum gate_err err = create_file(path, error);
    char folder_path[PATH_MAX_BYTES];
    struct stat folder;
    snprintf(folder_path, sizeof folder_path, "%s", path);
    if (err != GATE_OK || geteuid() != 0 || stat(dirname(folder_path), &folder) != 0 ||
        chown(path, folder.st_uid, folder.st_gid) == 0) {
        return err;
    }
    err = fail_file(error, path, "given to its folder's owner");
    unlink(path);
    return err;
}

static enum gate_err move_aside(const char *path, struct gate_error *error) {
    static const char *const endings[] = {"-wal", "-shm", "-journal", ""};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        char from[PATH_MAX_BYTES];
        char to[PATH_MAX_BYTES + sizeof ".damaged"];
        snprintf(from, sizeof from, "%s%s", path, endings[i]);
        snprintf(to, sizeof to, "%s.damaged%s", path, endings[i]);
        if (rename(from, to) != 0 && errno != ENOENT) {
            return fail_file(error, from, "moved aside");
        }
    }
    return create_database_file(path, error);
}

/* Take the database for this process alone: leaving write-ahead logging needs that nobody else has
 * it open, and from then on a rollback journal guards the old state. */
static enum gate_err open_alone(const char *path, struct gate_error *error, gate_store_tx **ret_to,
                                bool *ret_damaged) {
    gate_store_tx *to = NULL;
    enum gate_err err = gate_database_open(path, GATE_DATABASE_WRITE, 1, error, &to);
    if (err != GATE_OK) {
        return err;
    }
    err = gate_database_run_text(to, &gate_sql_statements[GATE_SQL_DATABASE_TAKE_ALONE], error);
    if (err == GATE_OK) {
        *ret_to = to;
        return GATE_OK;
    }
    int result = sqlite3_errcode(to->handle) & 0xff;
    gate_database_close(to);
    *ret_damaged = result == SQLITE_NOTADB || result == SQLITE_CORRUPT;
    if (result == SQLITE_BUSY || result == SQLITE_LOCKED) {
        gate_error_clear(error);
        return fail_in_use(error, path);
    }
    return err;
}

/* A database that cannot be read at all is what a restore is for. */
static enum gate_err open_target(const char *path, struct gate_error *error,
                                 gate_store_tx **ret_to) {
    bool damaged = false;
    if (access(path, F_OK) != 0) {
        enum gate_err err = create_database_file(path, error);
        return err == GATE_OK ? open_alone(path, error, ret_to, &damaged) : err;
    }
    enum gate_err err = require_unused(path, error);
    if (err != GATE_OK) {
        return err;
    }
    err = open_alone(path, error, ret_to, &damaged);
    if (err == GATE_OK || !damaged) {
        return err;
    }
    gate_error_clear(error);
    err = move_aside(path, error);
    return err == GATE_OK ? open_alone(path, error, ret_to, &damaged) : err;
}

static bool is_same_file(const char *path, const char *other_path) {
    struct stat file;
    struct stat other;
    return stat(path, &file) == 0 && stat(other_path, &other) == 0 && file.st_dev == other.st_dev &&
           file.st_ino == other.st_ino;
}

enum gate_err gate_store_restore(const char *path, const char *copy_path, struct gate_error *error,
                                 struct gate_store_copy *ret_copy) {
    gate_store_tx *from = NULL;
    gate_store_tx *to = NULL;
    struct gate_store_copy copy = {0};
    if (is_same_file(path, copy_path)) {
        return fail(error, GATE_ERR_INPUT, "%s is the database itself", copy_path);
    }
    enum gate_err err = open_copy(copy_path, error, &from, &copy);
    if (err == GATE_OK) {
        err = open_target(path, error, &to);
    }
    if (err == GATE_OK) {
        err = copy_pages(from, to, path, error, &copy);
    }
    gate_database_close(to);
    gate_database_close(from);
    if (err == GATE_OK) {
        *ret_copy = copy;
    }
    return err;
}
