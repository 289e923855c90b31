"""Which functions the SQL of users may call: everything else is refused, whatever it is.

Names are those of ClickHouse's system.functions, by its own categories. Left out on purpose: whatever
reads files, tables, dictionaries, models, settings or the machine (file, joinGet, dictGet*, catboost*,
getSetting, hostName ...); whatever takes the name of a function as a string (arrayReduce,
initializeAggregation); the function forms of IN, whose right side may be a table; sleep and its like;
random numbers; what the engine calls internal or for debugging.
"""

from __future__ import annotations

FUNCTIONS_BY_CATEGORY = {
    "Arithmetic": """
        abs avg2 byteSwap divide divideDecimal divideOrNull gcd ifNotFinite intDiv intDivOrNull
        intDivOrZero isFinite isInfinite isNaN lcm max2 midpoint min2 minus modulo mod moduloLegacy
        moduloOrNull modOrNull moduloOrZero multiply multiplyDecimal negate plus positiveModulo
        positive_modulo pmod positiveModuloOrNull positive_modulo_or_null pmodOrNull sqr
    """,
    "Arrays": """
        array arrayAll arrayAUCPR arrayPRAUC arrayAutocorrelation arrayAvg arrayBottomK arrayCompact
        arrayConcat arrayCount arrayCumSum arrayCumSumNonNegative arrayDifference arrayDistinct
        arrayDotProduct arrayElement arrayElementOrNull arrayEnumerate arrayEnumerateDense
        arrayEnumerateDenseRanked arrayEnumerateUniq arrayEnumerateUniqRanked arrayExcept arrayExists
        arrayFill arrayFilter arrayFirst arrayFirstIndex arrayFirstOrNull arrayFlatten flatten
        arrayFlattenedLength arrayFold arrayIntersect arrayJaccardIndex arrayJoin unnest arrayLast
        arrayLastIndex arrayLastOrNull arrayLevenshteinDistance arrayLevenshteinDistanceWeighted
        arrayMap arrayMax arrayMin arrayNormalizedGini arrayPartialReverseSort arrayPartialSort
        arrayPopBack arrayPopFront arrayProduct arrayPushBack arrayPushFront arrayRemove array_remove
        arrayResize arrayReverse arrayReverseFill arrayReverseSort arrayReverseSplit arrayROCAUC
        arrayAUC arrayRotateLeft arrayRotateRight arrayShiftLeft arrayShiftRight arrayShingles
        arraySimilarity arraySlice arraySort arraySplit arraySum arraySymmetricDifference arrayTopK
        arrayTranspose arrayUnion arrayUniq arrayWithConstant arrayZip arrayZipUnaligned countEqual
        empty has hasAll hasAny hasSubstr indexOf indexOfAssumeSorted length OCTET_LENGTH CARDINALITY
        notEmpty notHas range reverse
    """,
    "Bit": """
        bitAnd bitCount bitHammingDistance bitNot bitOr bitRotateLeft bitRotateRight bitShiftLeft
        bitShiftRight bitSlice bitTest bitTestAll bitTestAny bitXor
    """,
    "Comparison": """
        equals greater greaterOrEquals isDistinctFrom isNotDistinctFrom less lessOrEquals notEquals
    """,
    "Conditional": """
        clamp greatest if least multiIf caseWithoutExpression caseWithoutExpr
    """,
    "Dates and Times": """
        addDate addDays addHours addInterval addMicroseconds addMilliseconds addMinutes addMonths
        addNanoseconds addQuarters addSeconds addTupleOfIntervals addWeeks addYears age changeDay
        changeHour changeMinute changeMonth changeSecond changeYear dateDiff timestampDiff
        TIMESTAMP_DIFF DATE_DIFF date_diff timestamp_diff dateName dateTrunc DATE_TRUNC formatDateTime
        DATE_FORMAT formatDateTimeInJodaSyntax fromDaysSinceYearZero FROM_DAYS fromDaysSinceYearZero32
        fromModifiedJulianDay fromModifiedJulianDayOrNull fromUnixTimestamp FROM_UNIXTIME
        fromUnixTimestampInJodaSyntax fromUTCTimestamp from_utc_timestamp makeDate makeDate32
        makeDateTime makeDateTime64 monthName now current_timestamp localtimestamp now64 subDate
        subtractDays subtractHours subtractInterval subtractMicroseconds subtractMilliseconds
        subtractMinutes subtractMonths subtractNanoseconds subtractQuarters subtractSeconds
        subtractTupleOfIntervals subtractWeeks subtractYears timeDiff timeSlot timeSlots timezoneOf
        timezoneOffset today current_date curdate toDayOfMonth DAY DAYOFMONTH toDayOfWeek DAYOFWEEK
        toDayOfYear DAYOFYEAR toDaysInMonth toDaysSinceYearZero TO_DAYS toHour HOUR toISOWeek toISOYear
        toLastDayOfMonth LAST_DAY toLastDayOfWeek toMicrosecond MICROSECOND toMillisecond MILLISECOND
        toMinute MINUTE toModifiedJulianDay toModifiedJulianDayOrNull toMonday toMonth MONTH
        toMonthNumSinceEpoch toNanosecond NANOSECOND toQuarter QUARTER toRelativeDayNum
        toRelativeHourNum toRelativeMinuteNum toRelativeMonthNum toRelativeQuarterNum
        toRelativeSecondNum toRelativeWeekNum toRelativeYearNum toSecond SECOND toStartOfDay
        toStartOfFifteenMinutes toStartOfFiveMinutes toStartOfFiveMinute toStartOfHour toStartOfInterval
        date_bin time_bucket toStartOfISOYear toStartOfMicrosecond toStartOfMillisecond toStartOfMinute
        toStartOfMonth toStartOfNanosecond toStartOfQuarter toStartOfSecond toStartOfTenMinutes
        toStartOfWeek toStartOfYear toTimeWithFixedDate toTimezone toUnixTimestamp toUTCTimestamp
        to_utc_timestamp toWeek week toYear YEAR toYearNumSinceEpoch toYearWeek yearweek toYYYYMM
        toYYYYMMDD toYYYYMMDDhhmmss UTCTimestamp UTC_timestamp yesterday YYYYMMDDhhmmssToDateTime
        YYYYMMDDhhmmssToDateTime64 YYYYMMDDToDate YYYYMMDDToDate32
    """,
    "Distance": """
        cosineDistance distanceCosine L1Distance distanceL1 L1Norm normL1 L1Normalize normalizeL1
        L2Distance distanceL2 L2Norm normL2 L2Normalize normalizeL2 L2SquaredDistance distanceL2Squared
        L2SquaredNorm normL2Squared LinfDistance distanceLinf LinfNorm normLinf LinfNormalize
        normalizeLinf LpDistance distanceLp LpNorm normLp LpNormalize normalizeLp
    """,
    "Encoding": """
        bin char hex unhex
    """,
    "Hash": """
        cityHash64 farmHash64 halfMD5 intHash64 MD5 SHA256 sipHash64 xxHash64
    """,
    "JSON": """
        dynamicElement dynamicType isDynamicElementInSharedData isValidJSON JSON_EXISTS JSON_QUERY
        JSON_VALUE JSONAllPaths JSONAllPathsWithTypes JSONAllValues JSONArrayLength JSON_ARRAY_LENGTH
        JSONDynamicPaths JSONDynamicPathsWithTypes JSONExtract JSONExtractArrayRaw
        JSONExtractArrayRawCaseInsensitive JSONExtractBool JSONExtractBoolCaseInsensitive
        JSONExtractCaseInsensitive JSONExtractFloat JSONExtractFloatCaseInsensitive JSONExtractInt
        JSONExtractIntCaseInsensitive JSONExtractKeys JSONExtractKeysAndValues
        JSONExtractKeysAndValuesCaseInsensitive JSONExtractKeysAndValuesRaw
        JSONExtractKeysAndValuesRawCaseInsensitive JSONExtractKeysCaseInsensitive JSONExtractRaw
        JSONExtractRawCaseInsensitive JSONExtractString JSONExtractStringCaseInsensitive JSONExtractUInt
        JSONExtractUIntCaseInsensitive JSONHas JSONKey JSONLength JSONSharedDataPaths
        JSONSharedDataPathsWithTypes JSONType prettyPrintJSON simpleJSONExtractBool
        visitParamExtractBool simpleJSONExtractFloat visitParamExtractFloat simpleJSONExtractInt
        visitParamExtractInt simpleJSONExtractRaw visitParamExtractRaw simpleJSONExtractString
        visitParamExtractString simpleJSONExtractUInt visitParamExtractUInt simpleJSONHas visitParamHas
        toJSONString
    """,
    "Logical": """
        and not or xor
    """,
    "Map": """
        extractKeyValuePairs str_to_map mapFromString extractKeyValuePairsWithEscaping map mapAdd mapAll
        mapApply mapConcat mapContainsKey mapContains mapContainsKeyLike mapContainsValue
        mapContainsValueLike mapExists mapExtractKeyLike mapExtractValueLike mapFilter mapFromArrays
        MAP_FROM_ARRAYS mapKeys mapPartialReverseSort mapPartialSort mapPopulateSeries mapReverseSort
        mapSort mapSubtract mapUpdate mapValues
    """,
    "Mathematical": """
        acos acosh asin asinh atan atan2 atanh cbrt cos cosh degrees e erf erfc exp exp10 exp2 factorial
        hypot intExp10 intExp2 isPrime isProbablePrime lgamma log ln log10 log1p log2 pi pow power
        proportionsZTest radians sigmoid sign sin sinh sqrt tan tanh tgamma widthBucket width_bucket
    """,
    "Null": """
        assumeNotNull coalesce firstNonDefault ifNull isNotNull isNull isNullable isZeroOrNull nullIf
        toNullable
    """,
    "Other": """
        bar byteSize countDigits formatReadableDecimalSize formatReadableQuantity formatReadableSize
        FORMAT_BYTES formatReadableTimeDelta identity isDecimalOverflow materialize parseReadableSize
        parseReadableSizeOrNull parseTimeDelta rowNumberInAllBlocks runningDifference toTypeName
        transform visibleWidth
    """,
    "Rounding": """
        ceil ceiling floor round roundAge roundBankers roundDown roundDuration roundToExp2 trunc
        truncate
    """,
    "String": """
        appendTrailingCharIfAbsent ascii base32Decode base32Encode base58Decode base58Encode
        base64Decode FROM_BASE64 base64Encode TO_BASE64 base64URLDecode base64URLEncode basename
        byteHammingDistance mismatches caseFoldUTF8 compareSubstrings concat concatAssumeInjective
        concatWithSeparator concat_ws concatWithSeparatorAssumeInjective conv CRC32 CRC32IEEE CRC64
        damerauLevenshteinDistance decodeHTMLComponent decodeXMLComponent editDistance
        levenshteinDistance editDistanceUTF8 levenshteinDistanceUTF8 encodeXMLComponent endsWith
        endsWithCaseInsensitive endsWithCaseInsensitiveUTF8 endsWithUTF8 firstLine initcap initcapUTF8
        isValidASCII isASCII isValidUTF8 jaroSimilarity jaroWinklerSimilarity left leftPad lpad
        leftPadUTF8 leftUTF8 lengthUTF8 CHARACTER_LENGTH CHAR_LENGTH lower lcase lowerUTF8
        naturalSortKey NATURAL_SORT_KEY normalizeUTF8NFC normalizeUTF8NFD normalizeUTF8NFKC
        normalizeUTF8NFKCCasefold normalizeUTF8NFKD regexpExtract REGEXP_EXTRACT REGEXP_SUBSTR
        regexpPosition regexpInstr regexp_instr removeDiacriticsUTF8 removeAccentsUTF8 repeat
        reverseUTF8 right rightPad rpad rightPadUTF8 rightUTF8 soundex space startsWith
        startsWithCaseInsensitive startsWithCaseInsensitiveUTF8 startsWithUTF8 stringBytesEntropy
        stringBytesUniq stringJaccardIndex stringJaccardIndexUTF8 substring byteSlice mid substr
        substringIndex SUBSTRING_INDEX substringIndexUTF8 substringUTF8 toValidUTF8 trimBoth trim
        trimLeft ltrim trimRight rtrim tryBase32Decode tryBase58Decode tryBase64Decode
        tryBase64URLDecode upper ucase upperUTF8
    """,
    "String Replacement": """
        format overlay overlayUTF8 printf regexpQuoteMeta replaceAll replace replaceOne replaceRegexpAll
        REGEXP_REPLACE replaceRegexpOne translate translateUTF8
    """,
    "String Search": """
        countMatches countMatchesCaseInsensitive countSubstrings countSubstringsCaseInsensitive
        countSubstringsCaseInsensitiveUTF8 extract extractAll extractAllGroupsHorizontal extractGroups
        hasAllTokens hasAllToken hasAnyTokens hasAnyToken hasPhrase matchPhrase hasSubsequence
        hasSubsequenceCaseInsensitive hasSubsequenceCaseInsensitiveUTF8 hasSubsequenceUTF8 hasToken
        hasTokenCaseInsensitive hasTokenCaseInsensitiveOrNull hasTokenOrNull ilike like locate match
        REGEXP_MATCHES matchCaseInsensitive ngramDistance ngramDistanceCaseInsensitive
        ngramDistanceCaseInsensitiveUTF8 ngramDistanceUTF8 ngramSearch ngramSearchCaseInsensitive
        ngramSearchCaseInsensitiveUTF8 ngramSearchUTF8 notILike notLike notMatch notMatchCaseInsensitive
        position positionCaseInsensitive instr positionCaseInsensitiveUTF8 positionUTF8
    """,
    "String Splitting": """
        alphaTokens splitByAlpha arrayStringConcat array_to_string extractAllGroupsVertical
        extractAllGroups ngrams reverseBySeparator splitByChar splitByNonAlpha splitByRegexp
        splitByString splitByWhitespace tokens
    """,
    "Tuple": """
        dotProduct scalarProduct flattenTuple tuple tupleConcat tupleDivide tupleDivideByNumber
        tupleElement tupleHammingDistance tupleIntDiv tupleIntDivByNumber tupleIntDivOrZero
        tupleIntDivOrZeroByNumber tupleMinus vectorDifference tupleModulo tupleModuloByNumber
        tupleMultiply tupleMultiplyByNumber tupleNames tupleNegate tuplePlus vectorSum
        tuplePositiveModuloByNumber tupleToNameValuePairs
    """,
    "Type Conversion": """
        fromUnixTimestamp64Micro fromUnixTimestamp64Milli fromUnixTimestamp64Nano
        fromUnixTimestamp64Second parseDateTime TO_UNIXTIME parseDateTime32BestEffort
        parseDateTime32BestEffortOrNull parseDateTime32BestEffortOrZero parseDateTime64
        parseDateTime64BestEffort parseDateTime64BestEffortOrNull parseDateTime64BestEffortOrZero
        parseDateTime64BestEffortUS parseDateTime64BestEffortUSOrNull parseDateTime64BestEffortUSOrZero
        parseDateTime64InJodaSyntax parseDateTime64InJodaSyntaxOrNull parseDateTime64InJodaSyntaxOrZero
        parseDateTime64OrNull parseDateTime64OrZero parseDateTimeBestEffort
        parseDateTimeBestEffortOrNull parseDateTimeBestEffortOrZero parseDateTimeBestEffortUS
        parseDateTimeBestEffortUSOrNull parseDateTimeBestEffortUSOrZero parseDateTimeInJodaSyntax
        parseDateTimeInJodaSyntaxOrNull parseDateTimeInJodaSyntaxOrZero parseDateTimeOrNull str_to_date
        parseDateTimeOrZero toBFloat16 toBFloat16OrNull toBFloat16OrZero toBool toDate toDate32
        toDate32OrDefault toDate32OrNull toDate32OrZero toDateOrDefault toDateOrNull toDateOrZero
        toDateTime toDateTime32 toDateTime64 toDateTime64OrDefault toDateTime64OrNull toDateTime64OrZero
        toDateTimeOrDefault toDateTimeOrNull toDateTimeOrZero toDecimal128 toDecimal128OrDefault
        toDecimal128OrNull toDecimal128OrZero toDecimal256 toDecimal256OrDefault toDecimal256OrNull
        toDecimal256OrZero toDecimal32 toDecimal32OrDefault toDecimal32OrNull toDecimal32OrZero
        toDecimal64 toDecimal64OrDefault toDecimal64OrNull toDecimal64OrZero toDecimalString
        toFixedString toFloat32 toFloat32OrDefault toFloat32OrNull toFloat32OrZero toFloat64
        toFloat64OrDefault toFloat64OrNull toFloat64OrZero toInt128 toInt128OrDefault toInt128OrNull
        toInt128OrZero toInt16 toInt16OrDefault toInt16OrNull toInt16OrZero toInt256 toInt256OrDefault
        toInt256OrNull toInt256OrZero toInt32 toInt32OrDefault toInt32OrNull toInt32OrZero toInt64
        toInt64OrDefault toInt64OrNull toInt64OrZero toInt8 toInt8OrDefault toInt8OrNull toInt8OrZero
        toInterval toIntervalDay toIntervalHour toIntervalMicrosecond toIntervalMillisecond
        toIntervalMinute toIntervalMonth toIntervalNanosecond toIntervalQuarter toIntervalSecond
        toIntervalWeek toIntervalYear toLowCardinality toString toStringCutToZero toTime toTime64
        toTime64OrNull toTime64OrZero toTimeOrNull toTimeOrZero toUInt128 toUInt128OrDefault
        toUInt128OrNull toUInt128OrZero toUInt16 toUInt16OrDefault toUInt16OrNull toUInt16OrZero
        toUInt256 toUInt256OrDefault toUInt256OrNull toUInt256OrZero toUInt32 toUInt32OrDefault
        toUInt32OrNull toUInt32OrZero toUInt64 toUInt64OrDefault toUInt64OrNull toUInt64OrZero toUInt8
        toUInt8OrDefault toUInt8OrNull toUInt8OrZero toUnixTimestamp64Micro toUnixTimestamp64Milli
        toUnixTimestamp64Nano toUnixTimestamp64Second toUUID toUUIDOrZero
    """,
    "URL": """
        cutFragment cutQueryString cutQueryStringAndFragment cutToFirstSignificantSubdomain
        cutToFirstSignificantSubdomainCustom cutToFirstSignificantSubdomainCustomRFC
        cutToFirstSignificantSubdomainCustomWithWWW cutToFirstSignificantSubdomainCustomWithWWWRFC
        cutToFirstSignificantSubdomainRFC cutToFirstSignificantSubdomainWithWWW
        cutToFirstSignificantSubdomainWithWWWRFC cutURLParameter cutWWW decodeURLComponent
        decodeURLFormComponent domain domainRFC domainWithoutWWW domainWithoutWWWRFC encodeURLComponent
        encodeURLFormComponent extractURLParameter extractURLParameterNames extractURLParameters
        firstSignificantSubdomain firstSignificantSubdomainCustom firstSignificantSubdomainCustomRFC
        firstSignificantSubdomainRFC fragment netloc path pathFull port portRFC protocol queryString
        queryStringAndFragment topLevelDomain topLevelDomainRFC URLHierarchy URLPathHierarchy
    """,
    "UUID": """
        UUIDNumToString UUIDStringToNum UUIDv7ToDateTime
    """,
}

AGGREGATES = """
    analysisOfVariance anova any any_value first_value any_respect_nulls anyRespectNulls
    firstValueRespectNulls first_value_respect_nulls any_value_respect_nulls anyValueRespectNulls
    anyHeavy anyLast last_value anyLast_respect_nulls lastValueRespectNulls last_value_respect_nulls
    anyLastRespectNulls approx_top_k approx_top_count approx_top_sum argAndMax argAndMin argMax max_by
    argMin min_by avg avgWeighted boundingRatio contingency corr corrMatrix corrStable count covarPop
    COVAR_POP covarPopMatrix covarPopStable covarSamp COVAR_SAMP covarSampMatrix covarSampStable
    cramersV cramersVBiasCorrected cume_dist deltaSum deltaSumTimestamp denseRank dense_rank entropy
    exponentialMovingAverage gini groupArray array_agg groupArrayInsertAt groupArrayIntersect
    groupArrayLast groupArrayMovingAvg groupArrayMovingSum groupArraySample groupArraySorted groupBitAnd
    BIT_AND groupBitOr BIT_OR groupBitXor BIT_XOR groupConcat group_concat string_agg groupUniqArray
    histogram intervalLengthSum kolmogorovSmirnovTest kurtPop kurtSamp lag lagInFrame
    largestTriangleThreeBuckets lttb lead leadInFrame mannWhitneyUTest max maxIntersections
    maxIntersectionsPosition meanZTest min nonNegativeDerivative nth_value ntile percentRank
    percent_rank quantile median quantileBFloat16 medianBFloat16 quantileBFloat16Weighted
    medianBFloat16Weighted quantileDD medianDD quantileDeterministic medianDeterministic quantileExact
    medianExact quantileExactExclusive quantileExactHigh medianExactHigh quantileExactInclusive
    quantileExactLow medianExactLow quantileExactWeighted medianExactWeighted
    quantileExactWeightedInterpolated medianExactWeightedInterpolated quantileGK medianGK
    quantileInterpolatedWeighted medianInterpolatedWeighted quantilePrometheusHistogram quantiles
    quantilesBFloat16 quantilesBFloat16Weighted quantilesDD quantilesDeterministic quantilesExact
    quantilesExactExclusive quantilesExactHigh quantilesExactInclusive quantilesExactLow
    quantilesExactWeighted quantilesExactWeightedInterpolated quantilesGK quantilesInterpolatedWeighted
    quantilesPrometheusHistogram quantilesTDigest quantilesTDigestWeighted quantilesTiming
    quantilesTimingWeighted quantileTDigest medianTDigest quantileTDigestWeighted medianTDigestWeighted
    quantileTiming medianTiming quantileTimingWeighted medianTimingWeighted rank rankCorr regr_avgx
    regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy retention
    row_number sequenceCount sequenceMatch sequenceMatchEvents sequenceNextNode simpleLinearRegression
    singleValueOrNull skewPop skewSamp sparkbar stddevPop STD STDDEV_POP stddevPopStable stddevSamp
    STDDEV_SAMP STDDEV stddevSampStable studentTTest studentTTestOneSample sum sumCount sumKahan
    sumWithOverflow topK topKWeighted uniq uniqCombined uniqCombined64 uniqExact uniqHLL12 uniqUpTo
    varPop VAR_POP varPopStable varSamp VAR_SAMP varSampStable welchTTest windowFunnel
"""

# Appended to the name of an aggregate: sumIf, argMaxOrNull. -State and -Merge are missing: an aggregation
# state that a user can write is a state that a user can forge.
COMBINATORS = (
    "If",
    "Array",
    "Map",
    "Distinct",
    "OrDefault",
    "OrNull",
    "ForEach",
    "ArgMin",
    "ArgMax",
    "Tuple",
)

# Their first argument may be a lambda, and the engine would take the bare name of any function for one.
HIGHER_ORDER_NAMES = """
    arrayAll arrayAvg arrayBottomK arrayCompact arrayCount arrayCumSum arrayCumSumNonNegative
    arrayDifference arrayExists arrayFill arrayFilter arrayFirst arrayFirstIndex arrayFirstOrNull
    arrayFold arrayLast arrayLastIndex arrayLastOrNull arrayMap arrayMax arrayMin
    arrayPartialReverseSort arrayPartialSort arrayProduct arrayReverseFill arrayReverseSort
    arrayReverseSplit arraySort arraySplit arraySum arrayTopK mapAll mapApply mapExists mapFilter
    mapPartialReverseSort mapPartialSort mapReverseSort mapSort
"""

TYPES = """
    Int8 Int16 Int32 Int64 Int128 Int256 UInt8 UInt16 UInt32 UInt64 UInt128 UInt256 Float32 Float64
    Decimal Decimal32 Decimal64 Decimal128 Decimal256 Bool String FixedString Date Date32 DateTime
    DateTime64 UUID IPv4 IPv6 Enum8 Enum16 Array Tuple Map Nullable LowCardinality Nothing
"""


def _folded(names: str) -> frozenset[str]:
    return frozenset(name.casefold() for name in names.split())


FUNCTIONS = frozenset().union(*(_folded(names) for names in FUNCTIONS_BY_CATEGORY.values()))
AGGREGATE_NAMES = _folded(AGGREGATES)
HIGHER_ORDER = _folded(HIGHER_ORDER_NAMES)
TYPE_NAMES = _folded(TYPES)
_ENDINGS = tuple(combinator.casefold() for combinator in COMBINATORS)


def is_allowed(name: str) -> bool:
    """Whether a function, or an aggregate with any combinators, may be called.

    Case does not matter here: the engine itself refuses a name in the wrong case.
    """
    folded = name.casefold()
    return folded in FUNCTIONS or _is_aggregate(folded)


def _is_aggregate(folded: str) -> bool:
    if folded in AGGREGATE_NAMES:
        return True
    return any(
        folded.endswith(ending) and _is_aggregate(folded[: -len(ending)])
        for ending in _ENDINGS
        if len(folded) > len(ending)
    )
