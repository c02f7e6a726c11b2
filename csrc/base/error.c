#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

int mt_fail(struct mt_failure *failure, int result, const char *format, ...)
{
    if (failure != NULL) {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(failure->text, sizeof failure->text, format, arguments);
        va_end(arguments);
    }
    return result;
}
