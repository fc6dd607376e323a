# Files are made again when their command is another one, with other flags or corpora, and not only when a file has changed.
#
#   $(OUT)/a: b $(call again,COMMAND)    COMMAND is the name of a variable: the command, in one line
#   	$(COMMAND)
#   	$(call done,COMMAND)            notes it, in $(OUT)/COMMAND.command
#
# Include it after OUT is set.

.PHONY: again

quoted = '$(subst ','\'',$(1))'
again = $(shell test "$$(cat $(OUT)/$(1).command 2> /dev/null)" = $(call quoted,$($(1))) || echo again)
done = @printf '%s\n' $(call quoted,$($(1))) > $(OUT)/$(1).command
