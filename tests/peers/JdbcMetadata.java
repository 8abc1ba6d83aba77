import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;

/**
 * Asks the PostgreSQL port what DBeaver, Metabase and others ask through JDBC.
 *
 * java -cp postgresql.jar JdbcMetadata.java HOST PORT USER PASSWORD
 *
 * Prints a line per question: its name, how many rows came, and what was in some of them.
 */
public class JdbcMetadata {
    interface Question {
        ResultSet ask() throws SQLException;
    }

    static void ask(String name, Question question, String... columns) throws SQLException {
        try (ResultSet rows = question.ask()) {
            int count = 0;
            StringBuilder first = new StringBuilder();
            while (rows.next()) {
                if (count++ == 0) {
                    for (String column : columns) {
                        first.append(' ').append(rows.getString(column));
                    }
                }
            }
            System.out.println(name + " " + (columns.length > 0 || count == 0 ? count + "" : "some") + first);
        }
    }

    public static void main(String[] args) throws SQLException {
        String url = "jdbc:postgresql://" + args[0] + ":" + args[1] + "/evenkeel";
        try (Connection connection = DriverManager.getConnection(url, args[2], args[3])) {
            DatabaseMetaData about = connection.getMetaData();
            ask("catalogs", about::getCatalogs, "TABLE_CAT");
            ask("schemas", () -> about.getSchemas(null, "pub%"), "TABLE_SCHEM");
            ask("table", () -> about.getTables(null, "public", "events", null), "TABLE_TYPE");
            ask("view", () -> about.getTables(null, "public", "incidents", null), "TABLE_TYPE", "REMARKS");
            ask("columns", () -> about.getColumns(null, "public", "metrics", "value"), "TYPE_NAME", "IS_NULLABLE", "REMARKS");
            ask("primary keys", () -> about.getPrimaryKeys(null, "public", "events"));
            ask("imported keys", () -> about.getImportedKeys(null, "public", "events"));
            ask("exported keys", () -> about.getExportedKeys(null, "public", "events"));
            ask("cross reference", () -> about.getCrossReference(null, "public", "events", null, "public", "logs"));
            ask("indexes", () -> about.getIndexInfo(null, "public", "events", false, true));
            ask("best row", () -> about.getBestRowIdentifier(null, "public", "events", DatabaseMetaData.bestRowSession, true));
            ask("types", about::getTypeInfo);
            ask("functions", () -> about.getFunctions(null, "public", "time_bucket"), "FUNCTION_NAME");
            ask("procedures", () -> about.getProcedures(null, "public", "%"));
            ask("table privileges", () -> about.getTablePrivileges(null, "public", "events"));
            ask("column privileges", () -> about.getColumnPrivileges(null, "public", "events", "%"));

            PreparedStatement numbers = connection.prepareStatement("SELECT count(*) AS n, max(value) AS highest FROM metrics WHERE metric = ?");
            numbers.setString(1, "drivers_numbers");
            // From the fifth time on it is a statement of the server, and binary.
            for (int time = 0; time < 6; time++) {
                numbers.executeQuery().close();
            }
            ask("prepared", numbers::executeQuery, "n", "highest");
            PreparedStatement any = connection.prepareStatement("SELECT 2 = ANY(?) AS found");
            any.setArray(1, connection.createArrayOf("int4", new Integer[] {1, 2}));
            ask("array sent", any::executeQuery, "found");
            try (ResultSet row = connection.createStatement().executeQuery("SELECT array[1, 2] AS whole, array[1.5::float8] AS halves")) {
                row.next();
                System.out.println("arrays " + Arrays.toString((Object[]) row.getArray("whole").getArray())
                        + Arrays.toString((Object[]) row.getArray("halves").getArray()));
            }
            connection.setAutoCommit(false);
            Statement parts = connection.createStatement();
            parts.setFetchSize(2);
            ask("in parts", () -> parts.executeQuery("SELECT i FROM generate_series(1, 7) AS g(i)"), "i");
            connection.commit();
            connection.setAutoCommit(true);
            Statement hurried = connection.createStatement();
            hurried.setQueryTimeout(1);
            try {
                hurried.executeQuery("SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b WHERE 1 > random()");
            } catch (SQLException error) {
                System.out.println("cancelled " + error.getSQLState());
            }
        }
    }
}
