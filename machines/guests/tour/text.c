#include "text.h"
#include <stdarg.h>

enum { DATA = 0, LINE_STATUS = 5, RECEIVED = 1, EMPTY = 0x20 };

void put(char c)
{
    while (!(AT8(COM1 + LINE_STATUS) & EMPTY))
        ;
    AT8(COM1 + DATA) = (u8)c;
    barrier();
}

int key(void)
{
    return AT8(COM1 + LINE_STATUS) & RECEIVED ? AT8(COM1 + DATA) : -1;
}

static void field(const char *s, int width, int left)
{
    int length = 0;
    while (s[length])
        length++;
    for (int i = length; !left && i < width; i++)
        put(' ');
    for (int i = 0; i < length; i++)
        put(s[i]);
    for (int i = length; left && i < width; i++)
        put(' ');
}

static void number(u64 value, unsigned base, int digits, int width)
{
    char text[24], *at = text + 23;
    *at = 0;
    do {
        *--at = "0123456789abcdef"[value % base];
        value /= base;
    } while (value || text + 23 - at < digits);
    field(at, width, 0);
}

void print(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    for (; *format; format++) {
        if (*format == '\n')
            put('\r');
        if (*format != '%') {
            put(*format);
            continue;
        }
        int width = 0, left = *++format == '-';
        format += left;
        for (; *format >= '0' && *format <= '9'; format++)
            width = width * 10 + *format - '0';
        switch (*format) {
        case 'd': number(va_arg(list, u64), 10, 1, width); break;
        case 'x': number(va_arg(list, u64), 16, 1, width); break;
        case 'X': number(va_arg(list, u64), 16, width, width); break;
        case 'c': put((char)va_arg(list, u64)); break;
        case 's': field(va_arg(list, const char *), width, left); break;
        default: put(*format); break;
        }
    }
    va_end(list);
}
