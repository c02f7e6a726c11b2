/* Results of functions. 0 is success, a positive value is an outcome that is not an error (end of
 * input), a negative value is an error; its range says what is lost. Used by every layer. */
#ifndef MT_BASE_ERROR_H
#define MT_BASE_ERROR_H

enum mt_result {
    MT_OK = 0,
    MT_END = 1,          /* nothing more to read */
    MT_MALFORMED = 2,    /* the message, packet or payload is refused; the stream goes on */
    MT_SKIPPED = 3,      /* bytes of a file are damaged and were skipped; the file goes on */
    MT_NOMEM = -1,       /* out of memory: the run stops, what was read stays */
    MT_INTERRUPTED = -2, /* a signal ends the run, what was read stays */
    MT_IO = -100,        /* the operating system refused a read: the file stops here */
    MT_DAMAGED = -101,   /* the file is damaged from here on: the file stops here */
    MT_NOT_CAPTURE =
        -102, /* the file cannot be read at all: not a capture, or of a kind we do not read */
    MT_LINK_TYPE = -103, /* the file's link type is one we do not read */
    MT_TOO_MUCH = -104   /* a limit of ours: the file stops here */
};

/* The reason of a failure, as a sentence for the user. Set by the function that returns a negative
 * result; empty for MT_NOMEM. */
struct mt_failure {
    char text[512];
};

/* printf into failure->text (cut to fit); `failure` may be NULL. Returns `result`, so that one can
 * `return mt_fail(...)`. */
int mt_fail(struct mt_failure *failure, int result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
