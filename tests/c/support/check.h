/* The smallest test harness: CHECK counts and reports, FINISH prints the tally and gives main's
 * result. */
#ifndef MT_CHECK_H
#define MT_CHECK_H

#include <stdio.h>
#include <string.h>

static int check_passed, check_failed;

#define CHECK(condition) \
    do { \
        if (condition) \
            check_passed++; \
        else { \
            check_failed++; \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
        } \
    } while (0)

#define CHECK_EQUAL(actual, expected) \
    do { \
        long long actual_ = (long long)(actual), expected_ = (long long)(expected); \
        if (actual_ == expected_) \
            check_passed++; \
        else { \
            check_failed++; \
            fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #actual, actual_, \
                    expected_); \
        } \
    } while (0)

#define CHECK_TEXT(actual, expected) \
    do { \
        const char *actual_text = (actual), *expected_text = (expected); \
        if (actual_text != NULL && strcmp(actual_text, expected_text) == 0) \
            check_passed++; \
        else { \
            check_failed++; \
            fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #actual, \
                    actual_text ? actual_text : "(null)", expected_text); \
        } \
    } while (0)

static int check_finish(const char *name)
{
    printf("%s: %d passed, %d failed\n", name, check_passed, check_failed);
    return check_failed != 0;
}
#define FINISH(name) return check_finish(name)

#endif
