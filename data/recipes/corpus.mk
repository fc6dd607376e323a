# From a recipe's text to its scores, with the four commands. A recipe's Makefile sets these and includes this file:
#
#   HERE                      its folder
#   NAME                      build/NAME is for what is made
#   SRC, TRG                  the languages
#   TRAIN, VALID, TEST        names of its corpora: train is CORPUS/train.SRC and CORPUS/train.TRG; TRAIN may name several,
#                             each with a weight: "europarl news=2"
#
# and says how to download CORPUS/NAME.LANGUAGE: see multi30k/Makefile, or mtdata.mk.

NMT ?= $(firstword $(wildcard $(HERE)../../../.venv/bin/nmt) nmt)

MINUTES ?= 60
PREPARE_FLAGS ?=
TRAIN_FLAGS ?= --minutes $(MINUTES)
TRANSLATE_FLAGS ?=

CORPUS ?= build/$(NAME)/text
OUT ?= build/$(NAME)/$(SRC)-$(TRG)

DATA := $(OUT)/data
RUN := $(OUT)/run
HYPOTHESIS := $(OUT)/$(TEST).$(TRG)
SCORES := $(OUT)/scores.txt
TEXT := $(foreach corpus,$(TRAIN) $(VALID) $(TEST),$(addprefix $(CORPUS)/$(firstword $(subst =, ,$(corpus))).,$(SRC) $(TRG)))

# A command that fails leaves no target: prepare and translate write theirs atomically, Make deletes the output of a failed
# evaluation, and RUN/trained is made after the training. (RUN/model exists from the first validation on.)
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all text
all: $(SCORES)
text: $(TEXT)

PREPARE = $(NMT) prepare -s $(SRC) -t $(TRG) $(TRAIN:%=--train $(CORPUS)/%) --valid $(CORPUS)/$(VALID) --test $(CORPUS)/$(TEST) \
	-o $(DATA) $(PREPARE_FLAGS)
TRAINING = $(NMT) train $(DATA) -o $(RUN) $(TRAIN_FLAGS)
TRANSLATE = $(NMT) translate $(RUN) $(CORPUS)/$(TEST).$(SRC) -o $(HYPOTHESIS) $(TRANSLATE_FLAGS)

include $(dir $(lastword $(MAKEFILE_LIST)))again.mk

# prepare and train check for themselves whether there is anything to do.
$(DATA)/manifest.json: $(TEXT) $(call again,PREPARE)
	$(PREPARE)
	$(call done,PREPARE)

# Exit code 78: the existing run has other data or settings; it is moved aside.
$(RUN)/trained: $(DATA)/manifest.json $(call again,TRAINING)
	$(TRAINING) || { test $$? -eq 78 && $(TRAINING) --overwrite; }
	$(call done,TRAINING)
	@touch $@

$(HYPOTHESIS): $(RUN)/trained $(CORPUS)/$(TEST).$(SRC) $(call again,TRANSLATE)
	$(TRANSLATE)
	$(call done,TRANSLATE)

$(SCORES): $(HYPOTHESIS) $(CORPUS)/$(TEST).$(TRG)
	$(NMT) evaluate --hyp $(HYPOTHESIS) --ref $(CORPUS)/$(TEST).$(TRG) > $@
	@cat $@

# $(call checked,FILE,NAME): the SHA-256 of a downloaded FILE is that of NAME in SUMS, or is noted there the first time.
SUMS ?= $(firstword $(wildcard $(HERE)SHA256SUMS) $(CORPUS)/SHA256SUMS)
SHA256 := $(if $(shell command -v sha256sum),sha256sum,shasum -a 256)
checked = sum=$$($(SHA256) < $(1) | cut -d ' ' -f 1) && \
	if known=$$(grep '  $(2)$$' $(SUMS) 2> /dev/null); then test "$$known" = "$$sum  $(2)" || \
		{ echo '$(1) has the wrong SHA-256: it is not the text of $(SUMS)' >&2; exit 1; }; \
	else echo "$$sum  $(2)" >> $(SUMS); fi
