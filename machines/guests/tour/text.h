/* Text on the serial line. */
#ifndef TEXT_H
#define TEXT_H
#include "machine.h"

void put(char c);
void print(const char *format, ...);    /* %d %x %X (hexadecimal with leading zeros to the width) %s %c, a width, and - for left */
int key(void);                          /* a received character, or -1 */

#endif
